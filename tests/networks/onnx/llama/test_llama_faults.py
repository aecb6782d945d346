"""Attention that the layer hasn't: one line that names the node and what is allowed."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.errors import UserError
from accelsim.networks.importers.onnx import import_onnx, read_model

pytest.importorskip("onnx", reason="ONNX models are read with the package onnx")

CLASSES = 5


def other_angles(llama):
    """Linear scaling: positions four times as close."""

    def tables(m, base, repeats):
        table = np.concatenate([llama.angles(base) / 4] * repeats, axis=1)[None, None].astype(np.float32)
        return m.constant(np.cos(table)), m.constant(np.sin(table))

    return {"tables": tables}


def longer(llama):
    """Turned pairs that grow by one factor, as YaRN has them: scores of another scale."""

    def tables(m, base, repeats):
        cosine, sine = llama.constants(m, base, repeats)
        return tuple(m.node("Mul", each, m.constant(np.float32(1.1))) for each in (cosine, sine))

    return {"tables": tables}


def some_channels(llama):
    """Half of each head turns, as GPT-NeoX and Phi have it."""

    def rotation(m, x, heads, tables):
        a, b = (llama.cut(m, x, place, place + 1) for place in range(2))
        cosine, sine = (m.constant(table(np.arange(7.0))[:, None].astype(np.float32)) for table in (np.cos, np.sin))
        first = m.node("Sub", m.node("Mul", a, cosine), m.node("Mul", b, sine))
        second = m.node("Add", m.node("Mul", a, sine), m.node("Mul", b, cosine))
        return m.node("Concat", first, second, llama.cut(m, x, 2, llama.D), axis=-1)

    return {"rotation": rotation}


def window(llama):
    """Tokens that see only the two before them, as sliding windows have it."""

    def mask(m, scores):
        seen = np.tri(7, dtype=bool) & ~np.tri(7, k=-3, dtype=bool)
        return m.node("Where", m.constant(seen), scores, m.constant(np.float32(-np.inf)))

    return {"mask": mask}


def normed_queries(llama):
    def rotation(m, x, heads, tables):
        return llama.rotate_half(m, m.node("RMSNormalization", x, m.weight(llama.D)), heads, tables)

    return {"rotation": rotation}


TURNED = "attention turns queries by their position in another way than the layer; allowed: all channels of a head"
VALUES = r"attention computes other values than the layer; allowed: softmax\(Q K\^T / sqrt\(d\)\) V of heads"
REFUSED = {
    "linear scaling": (other_angles, rf"node 'Softmax\d+' \(Softmax\): {TURNED}"),
    "pairs that grow": (longer, rf"\(Softmax\): {VALUES}"),
    "some channels": (some_channels, rf"\(Softmax\): {TURNED}"),
    "a window": (window, rf"\(Softmax\): {VALUES}"),
    "another scale": (lambda llama: {"scale": 1.0}, rf"\(Softmax\): {VALUES}"),
    "other groups": (lambda llama: {"shared": llama.tiled}, rf"\(Softmax\): {VALUES}"),
    "normed queries": (
        normed_queries,
        r"node 'RMSNormalization\d+' \(RMSNormalization\): stands between '\w+' and the scores of attention "
        r"\(Softmax\d+\); allowed there: products with weights, rotary embeddings, a mask",
    ),
    "a node of another scale": (
        lambda llama: {"shared": None, "scale": 0.1},
        rf"node 'Attention\d+' \(Attention\): {VALUES}",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_attention_that_the_layer_has_not_is_named(graph, read, llama, case):
    options, fault = REFUSED[case]
    with pytest.raises(UserError, match=fault) as raised:
        read(graph(**options(llama)))
    assert "\n" not in str(raised.value)


def test_heads_of_another_width_are_named(model, read, llama):
    """As many models have it whose head_dim is a number of its own."""
    m = model(llama.TOKENS, kind="INT64")
    x, d = llama.table(m, CLASSES), 2 * llama.D
    q, k, v = (llama.heads_of(m, x, llama.HEADS, part, d) for part in "qkv")
    y = llama.output(m, m.node("Attention", q, k, v, is_causal=1), "o", llama.HEADS * d)
    fault = r"\(Attention\): attention has 6 heads of 8 channels in a width of 24; allowed: heads of width / heads"
    with pytest.raises(UserError, match=fault):
        read(m.proto(m.node("MatMul", y, m.weight(llama.WIDTH, CLASSES)), opset=23))


def test_heads_of_keys_that_divide_nothing_are_named(model, read, llama):
    """Four heads of keys for six of queries, some of which a model may leave out."""
    m = model(llama.TOKENS, kind="INT64")
    x = llama.table(m, CLASSES)
    q, k, v = (llama.heads_of(m, x, heads, part) for heads, part in ((6, "q"), (4, "k"), (4, "v")))
    some = m.constant([0, 0, 1, 1, 2, 3])
    k, v = (m.node("Gather", each, some, axis=1) for each in (k, v))
    y = llama.output(m, m.node("Attention", q, k, v, is_causal=1), "o")
    fault = (
        r"\(Attention\): attention has weights for \[24, 16, 16, 24\] outputs; allowed: 24 of queries, and 4 for each"
    )
    with pytest.raises(UserError, match=fault):
        read(m.proto(m.node("MatMul", y, m.weight(llama.WIDTH, CLASSES)), opset=23))


def test_attention_without_an_output_product_is_named(model, read, llama):
    m = model(llama.TOKENS, kind="INT64")
    x = llama.table(m, CLASSES)
    q, k, v = (llama.heads_of(m, x, llama.HEADS, part) for part in "qkv")
    y = m.node("Transpose", m.node("Attention", q, k, v, is_causal=1), perm=[0, 2, 1, 3])
    y = m.node("Relu", m.node("Reshape", y, m.constant([0, llama.TOKENS, llama.WIDTH])))
    fault = (
        r"node 'Attention\d+' \(Attention\): attention has no product with weights behind it; allowed: one that makes"
    )
    with pytest.raises(UserError, match=fault):
        read(m.proto(m.node("MatMul", y, m.weight(llama.WIDTH, CLASSES)), opset=23))


def test_minus_infinity_is_for_masks(graph, model, read):
    m = model(3)
    with pytest.raises(UserError, match=r"node 'Gemm0' \(Gemm\): its weight holds values that are not finite"):
        read(m.proto(m.node("Gemm", "x", m.constant(np.diag([0, 0, -np.inf]).astype(np.float32), "w"))))
    with pytest.raises(UserError, match=r"initialiser w: holds values that are not finite"):
        read(m.proto(m.node("Gemm", "x", m.constant(np.full((3, 3), np.inf, np.float32), "w"))))


def test_tables_in_a_file_beside_the_model(graph, tmp_path):
    """They are read without weights, too; without the file there are none."""
    import onnx

    path = tmp_path / "net.onnx"
    onnx.save(graph(), path, save_as_external_data=True, location="net.data", size_threshold=100)
    found = import_onnx(read_model(path), path, weights=False)
    assert (found.layers[1].rotary.base, found.values) == (500.0, {})
    (tmp_path / "net.data").unlink()
    with pytest.raises(UserError, match=rf"\(Softmax\): {VALUES}"):
        import_onnx(read_model(path), path, weights=False)
