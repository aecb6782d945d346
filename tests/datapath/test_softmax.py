"""Softmax and cross-entropy of floats, and the portable functions behind them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.datapath import NumpyKernels
from accelsim.datapath.kernels.compiled import CompiledKernels
from accelsim.datapath.kernels.portable import portable_exp, portable_log, sum_in_pairs
from accelsim.formats import FP32, Role, integer

LABELS = np.array([0, 1], dtype=np.uint16)


@given(x=st.floats(-690, 0))
def test_portable_exp_is_within_two_units(x):
    found = float(portable_exp(np, np.array([x]))[0])
    assert found == pytest.approx(math.exp(x), rel=4e-16)


def test_portable_exp_far_below_is_zero():
    assert portable_exp(np, np.array([-701.0, -1e9, -np.inf])).tolist() == [0.0, 0.0, 0.0]


def test_softmax_sums_to_one_in_any_order_of_classes(kernels, rng):
    logits = rng.normal(size=(50, 10)).astype(np.float32) * 10
    forward = kernels.softmax(logits)
    backward = kernels.softmax(logits[:, ::-1])[:, ::-1]
    np.testing.assert_array_equal(forward, backward)
    np.testing.assert_allclose(forward.sum(axis=1), 1, rtol=1e-15)


@given(x=st.floats(1, 2.0**60))
def test_portable_log_is_within_two_units(x):
    found = float(portable_log(np, np.array([x]))[0])
    assert abs(found - math.log(x)) <= 4e-16 * max(1.0, math.log(x))


def test_portable_log_of_one_and_of_nan():
    assert portable_log(np, np.array([1.0])).tolist() == [0.0]
    assert np.isnan(portable_log(np, np.array([np.nan])))[0]


@given(x=st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=9))
def test_sums_in_pairs(x):
    def pairs(row):
        if len(row) == 1:
            return row[0]
        rest = row[len(row) // 2 * 2 :]
        return pairs([a + b for a, b in zip(row[::2], row[1::2], strict=False)] + rest)

    assert sum_in_pairs(np, np.array([x, x])).tolist() == [[pairs(x)]] * 2


@pytest.mark.parametrize("classes", [2, 3, 10, 1001])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_row_without_a_finite_maximum_is_nan_and_no_other(kernels, rng, classes, bad):
    logits = rng.normal(size=(3, classes)).astype(np.float32)
    expected = kernels.softmax(logits)
    broken = logits.copy()
    broken[1] = bad
    broken[2, 0] = -np.inf
    labels = np.array([0, 0, 1], dtype=np.uint16)
    found, losses = kernels.softmax_and_losses(broken, labels, 0.0)
    np.testing.assert_array_equal(found, kernels.softmax(broken))
    np.testing.assert_array_equal(found[0], expected[0])
    assert np.isnan(found[1]).all()
    assert found[2, 0] == 0
    assert found[2].sum() == pytest.approx(1)
    assert np.isfinite(losses).tolist() == [True, False, True]
    one = logits.copy()
    one[1, 0] = np.nan
    assert np.isnan(kernels.softmax(one)).any(axis=1).tolist() == [False, True, False]


@pytest.mark.parametrize("margin", [30, 60, 300])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_no_margin_is_too_large_for_the_loss(fp32_machine, on_machine, operand, kernels, margin, smoothing, scale):
    """Once wrong, once right by that margin; logits are read under their scale."""
    machine = on_machine(fp32_machine, kernels)
    logits = np.array([[0, margin, 0], [0, margin, 0]]) / scale
    labels = machine.external("y", (2,), integer(16, signed=False), Role.LABEL, LABELS)
    loss, gradient = machine.softmax_cross_entropy(operand(machine, "x", FP32, logits, scale), labels, smoothing)
    # ln(1 + 2 exp(-margin)) is below 2e-13.
    smoothed = margin * 2 / 3
    assert loss.data[0] == np.float32((1 - smoothing) * margin / 2 + smoothing * smoothed)
    assert gradient.data[0, 0] == pytest.approx((-1 + smoothing * 2 / 3) / 2, abs=1e-7)


def test_losses_are_the_same_bits_on_every_backend_and_thread_count(rng):
    logits, labels = rng.normal(size=(301, 17)).astype(np.float32) * 40, rng.integers(0, 17, 301).astype(np.uint16)
    _, expected = NumpyKernels().softmax_and_losses(logits, labels, 0.1)
    for threads in (1, 2):
        _, found = CompiledKernels(threads=threads).softmax_and_losses(logits, labels, 0.1)
        np.testing.assert_array_equal(found, expected)
    for row, label, loss in zip(logits.tolist(), labels.tolist(), expected, strict=True):
        log = max(row) + math.log(math.fsum(math.exp(x - max(row)) for x in row))
        target = [0.1 / 17 + 0.9 * (i == label) for i in range(17)]
        assert loss == pytest.approx(log - math.fsum(t * x for t, x in zip(target, row, strict=True)), abs=1e-10)
