"""The integer pipeline against vectors that the public gemmlowp library produced: no row may differ."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from accelsim.datapath import reference
from accelsim.datapath.kernels import Kernels
from accelsim.formats import FixedPointMultiplier

INT32 = (-(2**31), 2**31 - 1)


@pytest.fixture(scope="module")
def scalar_ops(golden: Path) -> dict[str, np.ndarray]:
    with np.load(golden / "gemmlowp" / "scalar_ops.npz") as arrays:
        return {name: arrays[name].astype(np.int64) for name in arrays}


def test_doubling_high_multiplication(scalar_ops):
    a, b, expected = scalar_ops["srdhm32"].T.tolist()
    found = [reference.saturating_rounding_doubling_high_mul(x, y) for x, y in zip(a, b, strict=True)]
    assert found == expected


def test_rounding_division_by_a_power_of_two(scalar_ops):
    for name in ("rdbpot32", "rdbpot16"):
        x, exponent, expected = scalar_ops[name].T.tolist()
        found = [reference.rounding_divide_by_power_of_two(v, e) for v, e in zip(x, exponent, strict=True)]
        assert found == expected, name


def test_pipeline_with_right_shift(scalar_ops):
    rows = scalar_ops["pipeline_fixedpoint"].tolist()
    for acc, multiplier, shift, offset, low, high, scaled, uint8, int8, int16, clamped in rows:
        value = reference.requantise(acc, multiplier, -shift, *INT32) + offset
        assert value == scaled
        assert reference.saturate(value, 0, 255) == uint8
        assert reference.saturate(value, -128, 127) == int8
        assert reference.saturate(value, -(2**15), 2**15 - 1) == int16
        assert reference.saturate(reference.saturate(value, low, high), 0, 255) == clamped


def test_pipeline_with_either_shift(scalar_ops):
    for acc, multiplier, exponent, offset, scaled, uint8 in scalar_ops["pipeline_exponent"].tolist():
        value = reference.requantise(acc, multiplier, exponent, *INT32) + offset
        assert value == scaled
        assert reference.saturate(value, 0, 255) == uint8


def test_kernel_pipeline_equals_gemmlowp(scalar_ops, kernels: Kernels):
    """The fast kernel, one golden row at a time as a per-channel multiplier."""
    acc, mantissa, exponent, offset, scaled, _ = scalar_ops["pipeline_exponent"].T
    multiplier = FixedPointMultiplier(mantissa, exponent)
    found = kernels.requantise(acc[None, :].astype(np.int32), multiplier, *INT32, "int64")
    np.testing.assert_array_equal(found[0] + offset, scaled)


def _cases(golden: Path):
    with np.load(golden / "gemmlowp" / "gemm_cases.npz") as arrays:
        loaded = {name: arrays[name] for name in arrays}
    for row in loaded["meta"]:
        _, m, k, n, lhs_zero, rhs_zero, multiplier, shift, out_zero, low, high, at_lhs, at_rhs, at_row, at_out = map(
            int, row
        )
        lhs = loaded["lhs"][at_lhs : at_lhs + m * k].reshape(m, k).astype(np.int64) - lhs_zero
        rhs = loaded["rhs"][at_rhs : at_rhs + k * n].reshape(k, n).astype(np.int64) - rhs_zero
        blocks = {
            name: loaded[name][at_out : at_out + m * n].reshape(m, n).astype(np.int64)
            for name in ("acc", "out", "out_pc")
        }
        per_row = {name: loaded[name][at_row : at_row + m] for name in ("bias", "pc_multiplier", "pc_exponent")}
        yield lhs, rhs, blocks, per_row, (multiplier, shift, out_zero, low, high)


def test_whole_products(golden: Path, kernels: Kernels):
    """40 matrix products: accumulators, then requantisation per tensor and per row."""
    seen = 0
    for lhs, rhs, blocks, per_row, (multiplier, shift, out_zero, low, high) in _cases(golden):
        acc = lhs @ rhs
        np.testing.assert_array_equal(acc, blocks["acc"])
        biased = (acc + per_row["bias"][:, None]).astype(np.int64)
        whole = FixedPointMultiplier(np.int64(multiplier), np.int64(-shift))
        out = kernels.requantise(biased, whole, *INT32, "int64") + out_zero
        np.testing.assert_array_equal(np.clip(out, low, high), blocks["out"])
        rows = FixedPointMultiplier(per_row["pc_multiplier"].astype(np.int64), per_row["pc_exponent"].astype(np.int64))
        out_pc = kernels.requantise(biased.T, rows, *INT32, "int64").T + out_zero
        np.testing.assert_array_equal(np.clip(out_pc, low, high), blocks["out_pc"])
        seen += 1
    assert seen == 40
