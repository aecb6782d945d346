"""From graphs to nested layers: branches, sequences, attention; and names."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.errors import UserError

pytest.importorskip("onnx", reason="ONNX models are read with the package onnx")

WIDTH, HEADS, TOKENS, CLASSES = 8, 2, 5, 3


def conv(m, x, filters, channels, **attributes):
    return m.node("Conv", x, m.weight(filters, channels, 1, 1), **attributes)


def scores(m, x, channels):
    return m.node("Gemm", m.node("Flatten", m.node("GlobalAveragePool", x)), m.weight(channels, CLASSES))


def test_branches_become_residuals_however_deep(model, equal):
    m = model(2, 4, 4)
    stem = m.node("Relu", conv(m, "x", 4, 2))
    inner = m.node("Add", stem, conv(m, stem, 4, 4))
    middle = m.node("Add", conv(m, m.node("Relu", inner), 6, 4), conv(m, stem, 6, 4))
    outer = m.node("Sum", m.node("Relu", middle), conv(m, conv(m, m.node("Relu", middle), 6, 6), 6, 6))
    assert equal(m.proto(scores(m, outer, 6))) == [
        *("conv2d", "relu"),
        ("residual", [("residual", ["conv2d"], []), "relu", "conv2d"], ["conv2d"]),
        ("residual", ["relu", "conv2d", "conv2d"], ["relu"]),
        *("global_average_pool", "linear"),
    ]


def test_branches_of_features_in_the_same_order_are_added(model, equal):
    m = model(2, 3, 4)
    flat = m.node("Flatten", "x")
    y = m.node("Add", m.node("Relu", flat), flat)
    kinds = equal(m.proto(m.node("Gemm", y, m.weight(24, CLASSES))))
    assert kinds == ["flatten", ("residual", ["relu"], []), "linear"]


def test_channels_side_by_side(model, equal):
    """Two branches as in SqueezeNet, four as in GoogLeNet, one of them empty."""
    m = model(2, 4, 4)
    y = m.node("Concat", conv(m, "x", 3, 2), conv(m, "x", 1, 2), axis=1)
    pool = m.node("MaxPool", y, kernel_shape=[3, 3], pads=[1] * 4)
    y = m.node("Concat", conv(m, y, 2, 4), m.node("Relu", conv(m, y, 3, 4)), y, conv(m, pool, 1, 4), axis=-3)
    two = ("concat", ["conv2d"], ["conv2d", "relu"])
    assert equal(m.proto(scores(m, y, 10))) == [
        ("concat", ["conv2d"], ["conv2d"]),
        ("concat", [("concat", [two], [])], ["max_pool2d", "conv2d"]),
        *("global_average_pool", "linear"),
    ]


def test_features_that_every_later_layer_reads_as_in_densenet(model, equal):
    m = model(2, 4, 4)
    features = ["x"]
    for channels in (2, 5, 8):
        together = m.node("Concat", *features, axis=1)
        features.append(conv(m, m.node("Relu", together), 3, channels))
    y = m.node("Concat", *features, axis=1)
    layer = ("concat", [], ["relu", "conv2d"])
    assert equal(m.proto(scores(m, y, 11))) == [layer, layer, layer, "global_average_pool", "linear"]


def per_channel(m, x):
    return m.node("Mul", conv(m, x, 2, 2), m.node("GlobalAveragePool", x))


def divided(m, x):
    return m.node("Div", m.node("Relu", x), conv(m, x, 2, 2))


def test_products_of_branches(model, equal):
    """SwiGLU, with the gate in either place, and a branch times what it starts from."""
    m = model(2, 4, 4)
    inner = conv(m, "x", 3, 2)
    gate = m.node("Mul", inner, m.node("Sigmoid", inner))
    y = m.node("Mul", conv(m, "x", 3, 2), gate)
    y = m.node("Mul", conv(m, y, 3, 3), y)
    gated = ("gated", ["conv2d", "silu"], ["conv2d"])
    assert equal(m.proto(scores(m, y, 3))) == [gated, ("gated", ["conv2d"], []), "global_average_pool", "linear"]


def three_branches(m, x):
    return m.node("Sum", m.node("Relu", x), conv(m, x, 2, 2), x)


def crossed(m, x):
    a, b = m.node("Relu", x), conv(m, x, 2, 2)
    return m.node("Add", m.node("Add", a, b), m.node("Add", m.node("Relu", a), b))


def twice(m, x):
    return m.node("Add", x, x)


def beside_rows(m, x):
    return m.node("Concat", m.node("Relu", x), x, axis=2)


def reordered(m, x):
    turned = m.node("Transpose", x, perm=[0, 1, 3, 2])
    return m.node("Add", m.node("Relu", turned), conv(m, x, 2, 2))


@pytest.mark.parametrize(
    ("block", "fault"),
    [
        (per_channel, r"node 'Mul2' \(Mul\): multiplies shapes \[2, 2, 4, 4\] and \[2, 2, 1, 1\] that don't lie alike"),
        (divided, r"node 'Div2' \(Div\): joins branches that start at 'x'; supported: branches from one tensor"),
        (three_branches, r"node 'Sum2' \(Sum\): adds 3 branches; allowed: 2"),
        (crossed, r"node '\w+' \(\w+\): belongs to several branches that meet in 'Add5'"),
        (twice, r"node 'Add0' \(Add\): takes 'x' twice"),
        (beside_rows, r"node 'Concat1' \(Concat\): puts tensors beside each other along another axis"),
        (reordered, r"node 'Add3' \(Add\): adds shapes .* that don't lie alike"),
    ],
)
def test_other_branches_are_refused_by_the_name_of_a_node(model, read, block, fault):
    m = model(2, 4, 4)
    with pytest.raises(UserError, match=fault):
        read(m.proto(scores(m, block(m, "x"), 2)))


def packed(m, x):
    """Queries, keys and values from one product, cut along a new axis, as PyTorch's module does."""
    rows = m.node("Add", m.node("MatMul", x, m.weight(WIDTH, 3 * WIDTH)), m.weight(3 * WIDTH))
    split = m.node("Reshape", rows, m.constant([0, TOKENS, 3, HEADS, WIDTH // HEADS]))
    turned = m.node("Transpose", split, perm=[2, 0, 3, 1, 4])
    return [m.node("Gather", turned, m.constant(np.int64(part)), axis=0) for part in range(3)]


def separate(m, x):
    """Three products in an order of their own, as most exporters write them."""
    parts = {}
    for part in (2, 0, 1):
        rows = m.node("MatMul", x, m.weight(WIDTH, WIDTH))
        split = m.node("Reshape", rows, m.constant([0, TOKENS, HEADS, WIDTH // HEADS]))
        parts[part] = m.node("Transpose", split, perm=[0, 2, 1, 3])
    return [parts[part] for part in range(3)]


def attention(m, x, heads_of, causal=False, scale=0.5):
    q, k, v = heads_of(m, x)
    product = m.node("MatMul", q, m.node("Transpose", k, perm=[0, 1, 3, 2]))
    product = m.node("Mul", product, m.constant(np.float32(scale)))
    if causal:
        mask = np.where(np.tri(TOKENS, dtype=bool), 0, -np.inf).astype(np.float32)
        # Not an initialiser: those must be finite.
        product = m.node("Add", product, m.node("Constant", value=m.numpy_helper.from_array(mask)))
    context = m.node("MatMul", m.node("Softmax", product, axis=-1), v)
    merged = m.node("Reshape", m.node("Transpose", context, perm=[0, 2, 1, 3]), m.constant([0, TOKENS, WIDTH]))
    return m.node(
        "Add", m.node("MatMul", merged, m.weight(WIDTH, WIDTH, name="block.attn.proj.weight")), m.weight(WIDTH)
    )


def text(m):
    """Token ids as rows of a table, plus their places."""
    rows = m.node("Gather", m.weight(CLASSES, WIDTH, name="table.weight"), "x")
    return m.node("Add", rows, m.weight(TOKENS, WIDTH))


@pytest.mark.parametrize("heads_of", [packed, separate])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("after_norm", [False, True])
def test_attention(model, equal, read, heads_of, causal, after_norm):
    m = model(TOKENS, kind="INT64")
    x = text(m)
    y = m.node("LayerNormalization", x, m.weight(WIDTH), m.weight(WIDTH)) if after_norm else x
    total = m.node("Add", x, attention(m, y, heads_of, causal))
    proto = m.proto(m.node("MatMul", total, m.weight(WIDTH, CLASSES)))
    ids = np.arange(3 * TOKENS).reshape(3, TOKENS) % CLASSES
    inside = ["layer_norm"] * after_norm + ["multi_head_attention"]
    assert equal(proto, x=ids) == ["embedding", "positional_embedding", ("residual", inside, []), "linear"]
    found = read(proto).layers[2].body[-1]
    assert (found.heads, found.causal, found.bias, found.name) == (HEADS, causal, True, "block.attn")


@pytest.mark.parametrize("heads_of", [packed, separate])
def test_attention_of_another_scale_is_refused(model, read, heads_of):
    m = model(TOKENS, kind="INT64")
    y = attention(m, text(m), heads_of, scale=1.0)
    with pytest.raises(UserError, match=r"node '\w+' \(\w+\): "):
        read(m.proto(m.node("MatMul", y, m.weight(WIDTH, CLASSES))))


@pytest.mark.parametrize("weights", [True, False])
def test_patches_tokens_and_the_class_token(model, equal, read, weights):
    m = model(3, 4, 6)
    y = m.node("Conv", "x", m.weight(WIDTH, 3, 2, 2), strides=[2, 2])
    y = m.node("Transpose", m.node("Reshape", y, m.constant([0, WIDTH, 6])), perm=[0, 2, 1])
    batch = m.node("Shape", y, start=0, end=1)
    token = m.node("Expand", m.weight(1, 1, WIDTH, name="cls"), m.node("Concat", batch, m.constant([1, WIDTH]), axis=0))
    y = m.node("Add", m.node("Concat", token, y, axis=1), m.weight(1, 7, WIDTH, name="pos"))
    y = m.node("Gather", y, m.constant(np.int64(0)), axis=1)
    proto = m.proto(m.node("Gemm", y, m.weight(WIDTH, CLASSES)))
    kinds = ["conv2d", "tokens", "class_token", "positional_embedding", "select_token", "linear"]
    if weights:
        assert equal(proto) == kinds
    network = read(proto, weights=weights)
    assert [layer.kind for layer in network.layers] == kinds
    assert [layer.name for layer in network.layers[2:4]] == ["cls", "pos"]
    assert bool(network.values) == weights


def test_channels_last_in_onnx_too(model, equal):
    m = model(3, 4, 6)
    y = m.node("Transpose", "x", perm=[0, 2, 3, 1])
    y = m.node("LayerNormalization", y, m.weight(3), m.weight(3))
    y = m.node("Add", m.node("MatMul", y, m.weight(3, WIDTH)), m.weight(WIDTH))
    y = m.node("ReduceMean", m.node("Reshape", y, m.constant([0, 24, WIDTH])), m.constant([1]), keepdims=0)
    kinds = equal(m.proto(m.node("Gemm", y, m.weight(WIDTH, CLASSES))))
    assert kinds == ["layer_norm", "conv2d", "tokens", "mean_token", "linear"]


@pytest.mark.parametrize(
    ("weight", "node", "expected"),
    [
        ("layer1.0.conv1.weight", "/layer1/layer1.0/conv1/Conv", "layer1.0.conv1"),
        ("onnx::Conv_193", "/layer1/layer1.0/downsample/downsample.0/Conv", "layer1.0.downsample.0"),
        ("w", "first layer", "first_layer"),
        ("w", "", "node1"),
        ("w", "conv2d7", "conv2d7_"),
        ("loss.weight", "", "loss_"),
    ],
)
def test_layers_are_called_what_the_model_calls_them(model, read, weight, node, expected):
    m = model(2, 4, 4)
    y = m.node("Conv", "x", m.weight(2, 2, 1, 1, name=weight), name=node)
    network = read(m.proto(scores(m, y, 2)))
    assert network.layers[0].name == expected
    assert f"{expected}.weight" in network.values


def test_a_weight_used_twice_becomes_two(model, equal, read):
    m = model(2, 4, 4)
    weight = m.weight(2, 2, 1, 1, name="shared.weight")
    proto = m.proto(scores(m, m.node("Conv", m.node("Relu", m.node("Conv", "x", weight)), weight), 2))
    equal(proto)
    assert [layer.name for layer in read(proto).layers if layer.kind == "conv2d"] == ["shared", "shared_2"]
