"""Softmax cross-entropy with smoothed labels, against the formula in double precision; evaluations smooth nothing."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.datapath import Datapath
from accelsim.formats import FP32, Role, float_recipe
from accelsim.layers import softmax_cross_entropy
from accelsim.machine import Tensor, Value

ROWS, CLASSES = 6, 5


def _loss(kernels, logits, labels, smoothing, *, training=True):
    machine = Datapath(float_recipe(FP32), {}, seed=1, kernels=kernels)
    machine.begin_step(0, training=training)
    made = machine.external("x", logits.shape, FP32, Role.LOSS)
    x = Tensor(made.spec, made.shape, Value(logits.astype(np.float32)))
    y = machine.external("y", labels.shape, FP32, Role.LABEL, labels)
    found = softmax_cross_entropy(machine, x, y, smoothing)
    return float(found.loss.data[0]), np.asarray(found.backward().data), machine.program.operations[-1].work


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("shape", [(ROWS, CLASSES), (2, 3, CLASSES)])
def test_loss_and_gradient(kernels, rng, smoothing, shape):
    logits = rng.normal(size=shape) * 3
    labels = rng.integers(0, CLASSES, size=shape[:-1]).astype(np.uint16)
    loss, gradient, work = _loss(kernels, logits, labels, smoothing)
    rows = logits.astype(np.float32).astype(np.float64).reshape(-1, CLASSES)
    target = np.eye(CLASSES)[labels.reshape(-1)] * (1 - smoothing) + smoothing / CLASSES
    logs = rows - np.log(np.exp(rows).sum(axis=1, keepdims=True))
    assert loss == pytest.approx(-(target * logs).sum(axis=1).mean(), rel=1e-6)
    expected = (np.exp(logs) - target) / len(rows)
    np.testing.assert_allclose(gradient.reshape(-1, CLASSES), expected, rtol=1e-5, atol=1e-8)
    assert work.adds == (11 if smoothing else 9)


def test_an_evaluation_smooths_no_labels(rng):
    logits, labels = rng.normal(size=(ROWS, CLASSES)), np.arange(ROWS, dtype=np.uint16) % CLASSES
    plain = _loss(None, logits, labels, 0.0)
    assert _loss(None, logits, labels, 0.2, training=False)[0] == plain[0]
    assert _loss(None, logits, labels, 0.2)[0] != plain[0]
