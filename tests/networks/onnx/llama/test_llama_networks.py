"""Networks of LLaMA's type from ONNX: the fp32 forward equals ONNX's own, and they train."""

from __future__ import annotations

import numpy as np
import pytest

import accelsim
from accelsim.layers import Sgd
from accelsim.simulation.imported import imported_onnx
from accelsim.training.initial_weights import save_weights

pytest.importorskip("onnx", reason="ONNX models are read with the package onnx")

CLASSES, INNER, BLOCKS = 5, 40, 2
BLOCK = [
    ("residual", ["rms_norm", "multi_head_attention"], []),
    ("residual", ["rms_norm", ("gated", ["linear", "silu"], ["linear"]), "linear"], []),
]


@pytest.fixture
def network(model, llama):
    """Norms, attention and SwiGLU with residual branches, as LLaMA's blocks have them."""

    def build(*forms, epsilon=1e-5, scale=0.1, opset=23):
        m = model(llama.TOKENS, kind="INT64")
        x = llama.table(m, CLASSES)
        for block in range(BLOCKS):
            y = llama.attention(m, llama.rms_norm(m, x, epsilon), *forms, name=f"layers.{block}.attn")
            x = m.node("Add", x, y)
            x = m.node("Add", x, llama.swiglu(m, llama.rms_norm(m, x, epsilon), INNER))
        proto = m.proto(m.node("MatMul", llama.rms_norm(m, x, epsilon), m.weight(llama.WIDTH, CLASSES)), opset=opset)
        for tensor in proto.graph.initializer:
            values = m.numpy_helper.to_array(tensor)
            if values.dtype == np.float32 and values.ndim == 2 and len(values) != llama.TOKENS:
                tensor.CopyFrom(m.numpy_helper.from_array(values * np.float32(scale), tensor.name))
        return proto

    return build


@pytest.mark.parametrize("rotation", ["rotate_half", "strided", "node, halves"])
@pytest.mark.parametrize("shared", ["expanded", None])
def test_the_forward_is_the_models(network, equal, llama, rng, rotation, shared):
    ids = rng.integers(0, CLASSES, size=(2, llama.TOKENS))
    proto = network(llama.ROTATIONS[rotation], llama.from_positions, getattr(llama, shared) if shared else None)
    assert equal(proto, x=ids) == ["embedding", *BLOCK * BLOCKS, "rms_norm", "linear"]


def test_names_and_fields(network, read):
    found = read(network())
    attention = found.layers[1].body[1]
    assert (attention.name, attention.kv_heads, attention.rotary.base) == ("layers.0.attn", 2, 500.0)
    assert {name for name in found.values if name.startswith("layers.1.attn.")} == {
        f"layers.1.attn.{part}.weight" for part in ("query", "key", "value", "output")
    }


@pytest.mark.parametrize("epsilon", [1e-6, 1e-5, 1e-3])
def test_another_epsilon_is_noted(network, model, read, epsilon):
    """Of norms that are written out, and of nodes."""
    expected = [f"norms have epsilon {epsilon:g} in the model; here it is the machine's (norm_unit.epsilon)"]
    expected *= epsilon != 1e-5
    assert read(network(epsilon=epsilon)).notes[: len(expected)] == expected
    m = model(9)
    y = m.node("RMSNormalization", m.node("LayerNormalization", "x", m.weight(9), epsilon=epsilon), m.weight(9))
    m.nodes[-1].attribute.append(m.helper.make_attribute("epsilon", epsilon))
    assert read(m.proto(m.node("MatMul", y, m.weight(9, CLASSES)), opset=23)).notes == expected


@pytest.mark.parametrize("hwconfig", ["fp32", "int8_range_bn"])
def test_it_trains(network, saved, root, tmp_path, hwconfig):
    """From the model's weights, on a text whose every token tells the next."""
    np.save(tmp_path / "train.npy", np.arange(4000) % CLASSES)
    found = imported_onnx(saved(network()), weights=str(tmp_path / "w.safetensors"))
    save_weights(found.network.values, tmp_path / "w.safetensors")
    workload = found.workload.model_copy(update={"batch_size": 16, "optimizer": Sgd(learning_rate=0.1)})
    result = accelsim.simulate(root / "hwconfigs" / f"{hwconfig}.yaml", workload, data=tmp_path, steps=30)
    losses = result.metrics["train_loss"].dropna()
    assert losses.iloc[0] > 1.2
    assert losses.iloc[-1] < 0.1
