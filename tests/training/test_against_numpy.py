"""A whole fp32 training against the published formulas in double precision: schedule, loss, clipping, optimizers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import safetensors.numpy

import accelsim
from accelsim.networks import load_workload
from accelsim.training.datasets import read_dataset
from accelsim.training.state import image_order

WORKLOAD = """
name: mlp
dataset: {{kind: digits}}
network: {{input_shape: [8, 8, 1], classes: 10, layers: [flatten, linear: {{units: 24}}, gelu, linear: {{units: 10}}]}}
loss: {{label_smoothing: 0.1}}
batch_size: {batch}
epochs: 1
optimizer: {optimizer}
schedule: {{kind: cosine, final: 0.1, warmup_epochs: 0.5}}
seed: {seed}
"""
BATCH, SEED, SMOOTHING = 32, 5, 0.1
ADAMW = {"kind": "adamw", "learning_rate": 0.01, "weight_decay": 0.1, "clip_norm": 0.3}
NESTEROV = {"kind": "sgd", "learning_rate": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}
HEAVY_BALL = {"kind": "sgd", "learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.01, "clip_norm": 0.5}


def _gelu(x):
    """The tanh form, and its slope."""
    unit = math.sqrt(2 / math.pi)
    tanh = np.tanh(unit * (x + 0.044715 * x**3))
    return x * (1 + tanh) / 2, (1 + tanh) / 2 + x * (1 - tanh**2) * unit * (1 + 3 * 0.044715 * x**2) / 2


def _gradients(w, x, labels):
    """Loss against smoothed targets, and its gradient for each parameter."""
    rows = x.reshape(len(x), -1)
    hidden, slope = _gelu(rows @ w["linear1.weight"].T + w["linear1.bias"])
    logits = hidden @ w["linear2.weight"].T + w["linear2.bias"]
    logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    target = np.eye(10)[labels] * (1 - SMOOTHING) + SMOOTHING / 10
    g = (np.exp(logs) - target) / len(x)
    below = g @ w["linear2.weight"] * slope
    gradients = {"linear2.weight": g.T @ hidden, "linear2.bias": g.sum(axis=0)}
    gradients |= {"linear1.weight": below.T @ rows, "linear1.bias": below.sum(axis=0)}
    return -(target * logs).sum(axis=1).mean(), gradients


def _updated(w, g, m, v, rate, decay, step, optimizer):
    """A parameter after a step; its states ``m`` and ``v`` change in place."""
    if optimizer["kind"] == "adamw":
        m[:], v[:] = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        direction = m / (1 - 0.9**step) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
        return w * (1 - rate * decay) - rate * direction
    g = g + decay * w
    m[:] = 0.9 * m + g
    return w - rate * (g + 0.9 * m if optimizer.get("nesterov") else m)


@pytest.mark.parametrize("optimizer", [ADAMW, NESTEROV, HEAVY_BALL], ids=["adamw", "nesterov", "sgd"])
def test_an_epoch(root, tmp_path, optimizer):
    path, hwconfig = tmp_path / "mlp.yaml", root / "hwconfigs" / "fp32.yaml"
    path.write_text(WORKLOAD.format(batch=BATCH, seed=SEED, optimizer=optimizer))
    # The first step's rate is 0, so it leaves the initial weights.
    accelsim.simulate(hwconfig, path, steps=1, out=tmp_path / "one")
    found = accelsim.simulate(hwconfig, path, out=tmp_path / "all")
    first, last = (safetensors.numpy.load_file(tmp_path / name / "checkpoint.safetensors") for name in ("one", "all"))
    w = {name: value.astype(np.float64) for name, value in first.items() if name.endswith((".weight", ".bias"))}
    states = {name: (np.zeros_like(value), np.zeros_like(value)) for name, value in w.items()}
    dataset, rows = read_dataset(load_workload(path), None), []
    steps = len(dataset.train) // BATCH
    for step in range(steps):
        images, labels = dataset.training_batch(
            image_order(SEED, 0, len(dataset.train))[step * BATCH : (step + 1) * BATCH], 0
        )
        loss, gradients = _gradients(w, np.asarray(images, dtype=np.float64), labels)
        norm = math.sqrt(sum((g * g).sum() for g in gradients.values()))
        cosine = 0.1 + 0.9 * (1 + math.cos(math.pi * step / steps)) / 2
        rate = optimizer["learning_rate"] * cosine * min(1.0, 2 * step / steps)
        rows.append((loss, norm, rate))
        clip = min(1.0, optimizer.get("clip_norm", math.inf) / norm)
        for name, g in gradients.items():
            decay = optimizer["weight_decay"] if name.endswith(".weight") else 0.0
            w[name] = _updated(w[name], g * clip, *states[name], rate, decay, step + 1, optimizer)
    measured = found.metrics[["train_loss", "gradient_norm", "learning_rate"]].to_numpy()
    np.testing.assert_allclose(measured, rows, rtol=1e-5)
    for name, value in w.items():
        np.testing.assert_allclose(last[name], value, rtol=1e-4, atol=1e-5, err_msg=name)
