"""Every node that has a layer: the fp32 forward equals ONNX's own."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnx", reason="ONNX models are read with the package onnx")

CLASSES = 5
IMAGE = (4, 6, 8)


def dense(m, x, features, classes=CLASSES):
    return m.node("Gemm", x, m.weight(classes, features), m.weight(classes), transB=1)


def norm(m, x, channels, **attributes):
    variance = m.constant(m.random.uniform(0.2, 3, channels).astype(np.float32))
    return m.node(
        "BatchNormalization", x, m.weight(channels), m.weight(channels), m.weight(channels), variance, **attributes
    )


CONVOLUTIONS = {
    "plain": ((7, 4, 3, 3), {}, 7 * 4 * 6),
    "kernel, stride and padding by axis": ((7, 4, 3, 2), {"strides": [2, 3], "pads": [1, 0, 1, 0]}, 7 * 3 * 3),
    "groups": ((6, 2, 3, 3), {"group": 2, "pads": [1] * 4}, 6 * 6 * 8),
    "depthwise": ((8, 1, 3, 3), {"group": 4}, 8 * 4 * 6),
    "same": ((7, 4, 3, 3), {"auto_pad": "SAME_UPPER"}, 7 * 6 * 8),
}


@pytest.mark.parametrize("case", CONVOLUTIONS)
@pytest.mark.parametrize("biased", [True, False])
def test_convolution(model, equal, case, biased):
    weight, attributes, features = CONVOLUTIONS[case]
    m = model(*IMAGE)
    y = m.node("Conv", "x", m.weight(*weight), *([m.weight(weight[0])] if biased else []), **attributes)
    assert equal(m.proto(dense(m, m.node("Flatten", y), features))) == ["conv2d", "flatten", "linear"]


def test_features_after_an_image_are_put_in_order_for_all_that_read_them(model, equal):
    m = model(*IMAGE)
    y = norm(m, m.node("Flatten", "x"), 192, epsilon=0.1)
    y = m.node("LayerNormalization", y, m.weight(192), m.weight(192))
    y = m.node("Clip", m.node("Dropout", y), m.constant(np.float32(0)), m.constant(np.float32(0.7)))
    body = dense(m, y, 192, 192)
    y = m.node("Relu", dense(m, body, 192))
    assert equal(m.proto(y)) == ["flatten", "batch_norm", "layer_norm", "dropout", "relu", "linear", "linear", "relu"]


def written_out_rms_norm(m, x, form, channels):
    """In forms that exporters write: the root divides, or its inverse multiplies, with casts or without."""
    two, epsilon = m.constant(np.float32(2)), m.constant(np.float32(1e-5))
    wide = m.node("Cast", x, to=1) if form == "Cast" else x
    square = m.node("Mul", x, x) if form == "Div" else m.node("Pow", wide, two)
    root = m.node("Sqrt", m.node("Add", m.node("ReduceMean", square, m.constant(np.array([-1]))), epsilon))
    if form == "Div":
        return m.node("Mul", m.node("Div", x, root), m.weight(channels))
    standardised = m.node("Mul", wide, m.node("Reciprocal", root))
    if form == "without a gain":
        return standardised
    back = m.node("Cast", standardised, to=1) if form == "Cast" else standardised
    return m.node("Mul", m.weight(channels), back)


def rms_norm(m, x, form, channels):
    if form == "node":
        return m.node("RMSNormalization", x, m.weight(channels))
    return written_out_rms_norm(m, x, form, channels)


@pytest.mark.parametrize("form", ["node", "Reciprocal", "Div", "Cast", "without a gain"])
def test_rms_norm(model, equal, form):
    """After an image its gain is put in order; and twice, with a branch around the second."""
    m = model(*IMAGE)
    y = rms_norm(m, m.node("Flatten", "x"), form, 192)
    assert equal(m.proto(dense(m, y, 192), opset=23)) == ["flatten", "rms_norm", "linear"]
    m = model(9)
    x = rms_norm(m, "x", form, 9)
    y = m.node("Add", x, dense(m, rms_norm(m, x, form, 9), 9, 9))
    found = equal(m.proto(dense(m, y, 9), opset=23))
    assert found == ["flatten", "rms_norm", ("residual", ["rms_norm", "linear"], []), "linear"]


@pytest.mark.parametrize("axis", [0, 1])
def test_what_only_looks_like_rms_norm_is_refused(model, read, axis):
    """The mean of squares over the batch, or the mean alone."""
    from accelsim.errors import UserError

    m = model(9)
    square = m.node("Mul", "x", "x") if axis == 0 else m.node("Mul", "x", m.constant(np.float32(1)))
    mean = m.node("ReduceMean", square, m.constant(np.array([axis])))
    y = m.node("Div", "x", m.node("Sqrt", mean))
    with pytest.raises(UserError, match=r"node 'Div3' \(Div\): joins branches that start at 'x'"):
        read(m.proto(dense(m, y, 9)))


@pytest.mark.parametrize(
    ("op", "attributes", "features"),
    [
        ("MaxPool", {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 1, 0]}, 4 * 3 * 4),
        ("AveragePool", {"kernel_shape": [2, 2]}, 4 * 5 * 7),
        (
            "AveragePool",
            {"kernel_shape": [3, 3], "pads": [1] * 4, "count_include_pad": 1, "strides": [3, 3]},
            4 * 2 * 3,
        ),
    ],
)
def test_pooling(model, equal, op, attributes, features):
    m = model(*IMAGE)
    pooled = m.node(op, "x", **attributes)
    kinds = {"MaxPool": "max_pool2d", "AveragePool": "average_pool2d"}
    assert equal(m.proto(dense(m, m.node("Flatten", pooled), features)))[0] == kinds[op]


@pytest.mark.parametrize(
    "how", ["GlobalAveragePool", "ReduceMean", "ReduceMean without the axes", "ReduceMean opset 13"]
)
def test_mean_over_all_positions(model, equal, how):
    m, keep = model(*IMAGE), how != "ReduceMean without the axes"
    if how == "GlobalAveragePool":
        y = m.node(how, "x")
    elif how == "ReduceMean opset 13":
        y = m.node("ReduceMean", "x", axes=[2, 3])
    else:
        y = m.node("ReduceMean", "x", m.constant(np.array([-1, -2])), keepdims=int(keep))
    if keep:
        y = m.node("Reshape", y, m.constant(np.array([0, -1])))
    assert equal(m.proto(dense(m, y, 4), opset=13 if "13" in how else 20)) == ["global_average_pool", "linear"]


def test_batch_norm_keeps_its_statistics_and_momentum(model, equal, read):
    m = model(*IMAGE)
    proto = m.proto(dense(m, m.node("Flatten", norm(m, "x", 4, epsilon=0.5, momentum=0.75)), 192))
    assert equal(proto) == ["batch_norm", "flatten", "linear"]
    assert read(proto).layers[0].running_momentum == 0.75


@pytest.mark.parametrize("bias_first", [True, False])
def test_a_product_takes_the_row_that_is_added_next_as_its_bias(model, equal, bias_first):
    m = model(9)
    product = m.node("MatMul", "x", m.weight(9, CLASSES))
    row = m.weight(CLASSES)
    assert equal(m.proto(m.node("Add", *((row, product) if bias_first else (product, row))))) == ["flatten", "linear"]


def test_alpha_and_beta_are_multiplied_out(model, equal):
    m = model(9)
    y = m.node("Gemm", "x", m.weight(9, CLASSES), m.weight(1), alpha=0.5, beta=3.0)
    assert equal(m.proto(y)) == ["flatten", "linear"]


@pytest.mark.parametrize("high", [None, 6.0, 1.5])
def test_clip_from_zero_is_a_relu_with_a_maximum(model, equal, read, high):
    m = model(9)
    limits = [m.constant(np.float32(0))] + ([m.constant(np.float32(high))] if high else [])
    proto = m.proto(dense(m, m.node("Clip", m.node("Mul", "x", m.constant(np.float32(1))), *limits), 9))
    proto.graph.node[0].op_type = "Identity"
    del proto.graph.node[0].input[1:]
    assert equal(proto) == ["flatten", "relu", "linear"]
    assert read(proto).layers[1].maximum == high


def written_out_gelu(m, x, form):
    one, half = m.constant(np.float32(1)), m.constant(np.float32(0.5))
    if form == "erf":
        inner = m.node("Erf", m.node("Div", x, m.constant(np.float32(np.sqrt(2)))))
        return m.node("Mul", m.node("Mul", x, m.node("Add", inner, one)), half)
    cube = m.node("Mul", m.node("Pow", x, m.constant(np.float32(3))), m.constant(np.float32(0.044715)))
    inner = m.node("Tanh", m.node("Mul", m.node("Add", x, cube), m.constant(np.float32(np.sqrt(2 / np.pi)))))
    return m.node("Mul", m.node("Mul", x, half), m.node("Add", one, inner))


@pytest.mark.parametrize("form", ["erf", "tanh"])
@pytest.mark.parametrize("written_out", [True, False])
def test_gelu(model, equal, read, form, written_out):
    m = model(9)
    approximate = {"erf": "none", "tanh": "tanh"}[form]
    y = written_out_gelu(m, "x", form) if written_out else m.node("Gelu", "x", approximate=approximate)
    proto = m.proto(dense(m, y, 9))
    assert equal(proto, tolerance=1e-4 if form == "tanh" else 5e-3) == ["flatten", "gelu", "linear"]
    assert read(proto).notes == (
        ["GELU by erf becomes the tanh form, which differs by less than 0.0005"] * (form == "erf")
    )


def test_silu(model, equal):
    m = model(9)
    assert equal(m.proto(dense(m, m.node("Mul", m.node("Sigmoid", "x"), "x"), 9))) == ["flatten", "silu", "linear"]


def test_what_only_looks_like_gelu_is_refused(model, read):
    from accelsim.errors import UserError

    m = model(9)
    y = m.node("Mul", "x", m.node("Add", m.node("Erf", "x"), m.constant(np.float32(1))))
    with pytest.raises(UserError, match=r"node 'Erf0' \(Erf\): not supported"):
        read(m.proto(dense(m, y, 9)))


@pytest.mark.parametrize("rate", [0.0, 0.25])
@pytest.mark.parametrize("opset", [11, 20])
def test_dropout_keeps_its_rate(model, read, rate, opset):
    m = model(9)
    y = m.node("Dropout", "x", m.constant(np.float32(rate))) if opset > 11 else m.node("Dropout", "x", ratio=rate)
    layers = read(m.proto(dense(m, y, 9), opset=opset)).layers
    assert [layer.rate for layer in layers if layer.kind == "dropout"] == [rate] * bool(rate)


def test_sizes_that_the_graph_works_out_itself_are_folded(model, equal):
    m = model(*IMAGE)
    batch = m.node("Slice", m.node("Shape", "x"), m.constant([0]), m.constant([1]))
    rest = m.node("ReduceProd", m.node("Shape", "x", start=1), keepdims=1)
    flat = m.node("Reshape", m.node("Cast", "x", to=1), m.node("Concat", batch, rest, axis=0))
    weight = m.node("Transpose", m.node("Identity", m.weight(CLASSES, 192, name="head.weight")))
    assert equal(m.proto(m.node("MatMul", flat, weight))) == ["flatten", "linear"]


def test_float16_models_are_read_as_float32(model, read):
    m = model(9, kind="FLOAT16")
    weight = m.constant(np.eye(9, dtype=np.float16)[:CLASSES])
    network = read(m.proto(m.node("Gemm", m.node("Relu", "x"), weight, transB=1)))
    assert [layer.kind for layer in network.layers] == ["flatten", "relu", "linear"]
    assert network.values[f"{network.layers[2].name}.weight"].dtype == np.float32


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax"])
def test_the_softmax_at_the_end_is_the_losss(model, read, op):
    m = model(9)
    network = read(m.proto(m.node(op, dense(m, "x", 9), axis=-1)))
    assert network.layers[-1].kind == "linear"
    assert network.notes == [f"the {op} at the end is left out: the loss has it"]
