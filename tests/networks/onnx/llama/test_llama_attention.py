"""Rotary embeddings and keys that heads share, in the forms of exporters: the fp32 forward equals ONNX's own."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnx", reason="ONNX models are read with the package onnx")

CLASSES = 5
ROTATIONS = ["rotate_half", "strided", "complex", "node, halves", "node, interleaved"]
HALVES = {"rotate_half", "node, halves"}
ORDER = "rows of queries and keys are put in another order, i and i + d/2 of a head as 2i and 2i + 1, the pairs here"


def read_attention(read, proto):
    network = read(proto)
    (found,) = (layer for layer in network.layers if layer.kind == "multi_head_attention")
    return network, found


@pytest.mark.parametrize("rotation", ROTATIONS)
@pytest.mark.parametrize("shared", ["expanded", "gathered", None])
def test_every_way_to_turn_and_to_share(graph, equal, read, llama, ids, rotation, shared):
    tables = llama.from_positions if shared == "expanded" else llama.constants
    proto = graph(llama.ROTATIONS[rotation], tables, getattr(llama, shared) if shared else None)
    assert equal(proto, x=ids) == ["embedding", "multi_head_attention", "linear"]
    network, found = read_attention(read, proto)
    assert (found.heads, found.kv_heads, found.causal, found.bias, found.name) == (6, 2, True, False, "attn")
    assert found.rotary.base == llama.BASE
    assert network.notes == [ORDER] * (rotation in HALVES)
    assert network.values["attn.key.weight"].shape == (8, 24)


@pytest.mark.parametrize("mask", ["where", "sum", "lowest"])
@pytest.mark.parametrize("biased", [False, True])
def test_masks_and_biases(graph, equal, read, llama, ids, mask, biased):
    """The bias of queries and keys is put in the order of their weights; the output may have none."""
    proto = graph(mask=llama.MASKS[mask], biased=biased, opset=17)
    assert equal(proto, x=ids) == ["embedding", "multi_head_attention", "linear"]
    assert read_attention(read, proto)[1].bias == biased


@pytest.mark.parametrize("kv_heads", [1, 2, 3, 6])
def test_any_number_of_heads_that_share(graph, equal, read, llama, ids, kv_heads):
    def shared(m, x):
        return m.node("Gather", x, m.constant(np.repeat(np.arange(kv_heads), llama.HEADS // kv_heads)), axis=1)

    proto = graph(llama.strided, shared=shared, kv_heads=kv_heads)
    assert equal(proto, x=ids) == ["embedding", "multi_head_attention", "linear"]
    assert read_attention(read, proto)[1].kv_heads == (None if kv_heads == llama.HEADS else kv_heads)


def test_shared_keys_without_rotation(graph, equal, read, ids):
    proto = graph(None)
    equal(proto, x=ids)
    assert read_attention(read, proto)[1].rotary is None


def test_nodes_that_tell_heads_apart(model, equal, read, llama, ids):
    m = model(llama.TOKENS, kind="INT64")
    y = llama.in_rows(m, llama.table(m, CLASSES))
    proto = m.proto(m.node("MatMul", y, m.weight(llama.WIDTH, CLASSES)), opset=23)
    assert equal(proto, x=ids) == ["embedding", "multi_head_attention", "linear"]
    found = read_attention(read, proto)[1]
    assert (found.heads, found.kv_heads, found.causal, found.rotary.base) == (6, 2, True, llama.BASE)
