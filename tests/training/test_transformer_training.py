"""Transformers through the whole training loop: a text from files, and the digits' recipe."""

from __future__ import annotations

import numpy as np
import pytest

import accelsim
from accelsim.errors import UserError
from accelsim.training.checkpoint import read_checkpoint

WORKLOAD = """
name: periodic
dataset: {kind: text}
network:
  tokens: 8
  classes: 5
  layers:
    - embedding: {name: table, vocabulary: 5, width: 8}
    - positional_embedding
    - residual: {body: [layer_norm, multi_head_attention: {heads: 2, causal: true}]}
    - residual: {body: [layer_norm, linear: {units: 16}, gelu, linear: {units: 8}]}
    - layer_norm
    - unembedding: {embedding: table, units: 5}
batch_size: 16
epochs: 2
optimizer: {learning_rate: 0.2}
"""


GATED = """
name: pairs
dataset: {kind: text}
network:
  tokens: 8
  classes: 2
  layers:
    - embedding: {name: table, vocabulary: 2, width: 16}
    - residual:
        body:
          - layer_norm
          - multi_head_attention: {heads: 4, kv_heads: 2, causal: true, bias: false, rotary: {base: 100}}
    - residual:
        body:
          - layer_norm
          - gated: {gate: [linear: {units: 24, bias: false}, silu], value: [linear: {units: 24, bias: false}]}
          - linear: {units: 16, bias: false}
    - layer_norm
    - linear: {units: 2, bias: false}
batch_size: 16
epochs: 4
optimizer: {kind: adamw, learning_rate: 0.02}
"""


@pytest.fixture
def workload(tmp_path):
    path = tmp_path / "periodic.yaml"
    path.write_text(WORKLOAD)
    return path


@pytest.mark.parametrize("hwconfig", ["fp32", "int8_range_bn"])
def test_a_periodic_text_is_learned(root, tmp_path, workload, hwconfig):
    """Each token tells the next, so nearly all are foretold; accuracy and loss are those of tokens."""
    np.save(tmp_path / "train.npy", np.arange(4000) % 5)
    result = accelsim.simulate(root / "hwconfigs" / f"{hwconfig}.yaml", workload, data=tmp_path)
    assert result.summary["test_accuracy"] > 0.95
    losses = result.metrics["test_loss"].dropna()
    assert losses.iloc[-1] < losses.iloc[0] < np.log(5)


@pytest.mark.parametrize("hwconfig", ["fp32", "int8_range_bn", "mxfp8"])
def test_it_is_learned_with_rms_norm(root, tmp_path, workload, hwconfig):
    workload.write_text(WORKLOAD.replace("layer_norm", "rms_norm"))
    np.save(tmp_path / "train.npy", np.arange(4000) % 5)
    result = accelsim.simulate(root / "hwconfigs" / f"{hwconfig}.yaml", workload, data=tmp_path)
    assert result.summary["test_accuracy"] > 0.95
    assert result.metrics["test_loss"].dropna().iloc[-1] < 0.1


def test_rms_norm_stopped_and_resumed_equals_uninterrupted(root, tmp_path, workload):
    """In parts of batches and recomputed, too."""
    workload.write_text(WORKLOAD.replace("layer_norm", "rms_norm"))
    np.save(tmp_path / "train.npy", np.arange(4000) % 5)
    files = root / "hwconfigs" / "int8_range_bn.yaml", workload
    plain = ["micro_batches=2"]
    accelsim.simulate(*files, data=tmp_path, out=tmp_path / "whole", steps=12, settings=plain)
    again = [*plain, "network.recompute=2"]
    for stop in (5, 12):
        accelsim.simulate(*files, data=tmp_path, out=tmp_path / "parts", steps=stop, settings=again, resume=stop > 5)
    one, other = (read_checkpoint(tmp_path / name / "checkpoint.safetensors") for name in ("whole", "parts"))
    assert any(name.startswith("rms_norm") for name in one.state)
    assert {name: value.tobytes() for name, value in one.state.items()} == {
        name: value.tobytes() for name, value in other.state.items()
    }
    assert one.scales == other.scales


@pytest.mark.parametrize("hwconfig", ["fp32", "int8_range_bn"])
@pytest.mark.parametrize("rotary", [True, False])
def test_positions_are_learned_by_turning(root, tmp_path, hwconfig, rotary):
    """Of 0, 0, 1, 1, ... a token tells the next one only with the one before it; of the first, nothing does."""
    (tmp_path / "pairs.yaml").write_text(GATED if rotary else GATED.replace(", rotary: {base: 100}", ""))
    np.save(tmp_path / "train.npy", np.arange(4000) // 2 % 2)
    result = accelsim.simulate(root / "hwconfigs" / f"{hwconfig}.yaml", tmp_path / "pairs.yaml", data=tmp_path)
    assert (result.summary["test_accuracy"] > 0.8) == rotary


def test_a_missing_text_is_named(root, tmp_path, workload):
    with pytest.raises(UserError, match=r"found none of train\.npy, train\.bin, train\.txt"):
        accelsim.simulate(root / "hwconfigs" / "fp32.yaml", workload, data=tmp_path)
    assert accelsim.simulate(root / "hwconfigs" / "fp32.yaml", workload, timing_only=True).summary["total_cycles"] > 0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  tokens: 8\n", "  input_shape: [8, 8, 1]\n", r"network\.input_shape: .*text"),
        ("  tokens: 8\n", "", r"network\.input_shape: missing; allowed: a list of 3, or tokens"),
        ("  tokens: 8\n", "  tokens: 8\n  input_shape: [8, 8, 1]\n", r"network\.tokens: found 8, but the input has"),
        ("kind: text", "kind: digits", r"network\.tokens: .*digits"),
        ("classes: 5", "classes: 6", r"the loss needs \(batch, tokens, 6\)"),
    ],
)
def test_inputs_that_contradict_each_other(root, workload, old, new, message):
    workload.write_text(WORKLOAD.replace(old, new, 1))
    with pytest.raises(UserError, match=message):
        accelsim.simulate(root / "hwconfigs" / "fp32.yaml", workload, timing_only=True)


@pytest.mark.slow
@pytest.mark.parametrize("hwconfig", ["fp32", "int8_range_bn"])
def test_the_small_vision_transformer(root, hwconfig):
    files = root / "hwconfigs" / f"{hwconfig}.yaml", root / "workloads" / "digits_vit.yaml"
    assert accelsim.simulate(*files).summary["test_accuracy"] > 0.95
