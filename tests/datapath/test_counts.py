"""What quantisers lost: elements beyond the last rounding boundary, against plain Python."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.datapath import Datapath, Observation
from accelsim.formats import FP32, FloatFormat, Role, TensorRule, format_by_name, reference
from accelsim.formats.mx import BlockFormat
from accelsim.formats.recipe import SCALED_BELOW_BITS
from accelsim.formats.registry import NAMED

BLOCKS = [name for name, format_ in NAMED.items() if type(format_) is BlockFormat] + ["bfp2_b5", "bfp8_b16", "int4_b8"]
FLOATS = [
    name for name, format_ in NAMED.items() if isinstance(format_, FloatFormat) and format_.bits < SCALED_BELOW_BITS
]
SHAPES = [(2, 40), (3, 3, 3, 11)]


def _counted(hw, format_, values, headroom=1.0):
    recipe = hw.recipe()
    rules = {**recipe.rules, Role.ACTIVATION: TensorRule(format_, headroom=headroom)}
    machine = Datapath(replace(recipe, rules=rules), {}, seed=1, check=True)
    machine.begin_step(0, training=True)
    machine.context.observation = Observation()
    codes = machine.quantise(machine.external("x", values.shape, FP32, Role.INPUT, values), Role.ACTIVATION, "codes")
    return codes, machine.context.observation.found["codes"].statistics


def _boundary(format_, peak):
    """Magnitude beyond which no code of a block lies: its largest, and half a unit of the last place more."""
    element, exponent = format_.element, max(math.frexp(peak)[1] - 1, -127)
    if isinstance(element, FloatFormat):
        largest, unit = element.max_normal, 2.0 ** (element.emax - element.mantissa_bits)
        return math.ldexp(largest + unit / 2, exponent - element.emax)
    return math.ldexp(element.max_code + 0.5, exponent + 2 - format_.bits)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_clip_what_lies_beyond_their_largest_code(fp32_machine, rng, name, shape):
    """Blocks lie along the last axis of an activation; the last one is short."""
    format_ = format_by_name(name)
    values = np.exp(rng.normal(size=shape)).astype(np.float32) * rng.choice([-1, 1], shape).astype(np.float32)
    values[0, :3] *= np.float32(2.0**-90)
    codes, found = _counted(fp32_machine, format_, values)
    expected = 0
    for row in np.abs(values.reshape(-1, shape[-1])).tolist():
        for start in range(0, len(row), format_.block):
            block = row[start : start + format_.block]
            expected += sum(x > _boundary(format_, max(block)) for x in block)
    # Integers under a scale of their own reach their largest code exactly.
    assert found.saturated == (0 if name == "int4_b8" else expected)
    assert name not in ("mxfp4", "bfp2_b5", "mxfp8_e5m2") or found.saturated > 0
    assert found.underflowed == ((codes.data == 0) & (values != 0)).sum()


def _elements(format_, block, tensor_scale):
    """What a format stores of one block beside its scales, in plain Python."""
    if format_.tensor_scaled:
        scale, values = reference.nvfp4_block([x / tensor_scale for x in block], "nearest_even")
        return [value / scale if scale else 0.0 for value in values]
    if format_.scale_bits == 32:
        step = reference.round_float(max(map(abs, block)) / format_.element.max_code, FP32, "nearest_even")
        whole = reference.integer_block(block, format_, "nearest_even")
        return [round(float(value / Fraction(step))) for value in whole]
    exponent, values = reference.mx_block(block, format_, "nearest_even")
    return [math.ldexp(value, -exponent) for value in values]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", [*BLOCKS, "nvfp4"])
def test_blocks_have_the_entropy_of_their_elements(fp32_machine, rng, name, shape):
    """One element stands for many values, one under each scale: those take more bits than the format has."""
    format_ = format_by_name(name)
    values = np.exp(rng.normal(size=shape)).astype(np.float32)
    codes, found = _counted(fp32_machine, format_, values)
    rows = values.astype(np.float64).reshape(-1, shape[-1]).tolist()
    blocks = [row[at : at + format_.block] for row in rows for at in range(0, len(row), format_.block)]
    counts = Counter(element for block in blocks for element in _elements(format_, block, float(codes.scale)))
    shares = [count / values.size for count in counts.values()]
    assert found.effective_bits == pytest.approx(-sum(share * math.log2(share) for share in shares), abs=1e-12)
    assert found.effective_bits <= format_.bits
    assert len(set(codes.data.reshape(-1).tolist())) > len(counts)


@pytest.mark.parametrize("headroom", [0.5, 1.0])
def test_nvfp4_clips_beyond_its_block_and_beyond_its_tensor(fp32_machine, rng, headroom):
    """A scale that rounds down clips its largest by up to 1/16, within half a unit; one that saturates by more."""
    values = np.exp(2 * rng.normal(size=(4, 40))).astype(np.float32)
    codes, found = _counted(fp32_machine, format_by_name("nvfp4"), values, headroom)
    assert codes.scale == reference.nvfp4_tensor_scale(float(values.max()) * headroom)
    expected = 0
    for row in (values.astype(np.float64) / codes.scale).tolist():
        for start in range(0, len(row), 16):
            scale, _ = reference.nvfp4_block(row[start : start + 16], "nearest_even")
            expected += sum(x > 7 * scale for x in row[start : start + 16])
    assert found.saturated == expected
    assert (expected > 0) == (headroom < 1)
    assert found.underflowed == found.zeros == (codes.data == 0).sum() > 0


def test_blocks_of_a_gradient_lie_along_another_axis(fp32_machine):
    """One column of ones and nearly twos: along it the twos clip, across it each is alone and doesn't."""
    recipe, found = fp32_machine.recipe(), []
    rules = {**recipe.rules, Role.WEIGHT: TensorRule(format_by_name("mxfp4"))}
    values = np.array([[1.95, 0.0], [1.0, 1.0]], dtype=np.float32)
    for axis in (0, 1):
        machine = Datapath(replace(recipe, rules=rules), {}, seed=1)
        machine.begin_step(0, training=True)
        machine.context.observation = Observation()
        x = machine.external("x", values.shape, FP32, Role.INPUT, values.T if axis == 0 else values)
        codes = machine.quantise(x, Role.WEIGHT, "codes", axis=axis)
        found.append(
            (machine.context.observation.found["codes"].statistics.saturated, np.sort(codes.data.reshape(-1)).tolist())
        )
    assert found == [(1, [0.0, 1.0, 1.0, 1.5])] * 2


@given(
    name=st.sampled_from(FLOATS),
    x=st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=20).filter(lambda x: max(map(abs, x)) > 2.0**-9),
    headroom=st.sampled_from([0.25, 0.8, 0.95, 1.0]),
)
def test_narrow_floats_clip_beyond_half_a_unit_of_their_largest(fp32_machine, name, x, headroom):
    format_, values = format_by_name(name), np.array([x], dtype=np.float32)
    codes, found = _counted(fp32_machine, format_, values, headroom)
    boundary = format_.max_normal + 2.0 ** (format_.emax - format_.mantissa_bits - 1)
    assert found.saturated == sum(abs(value) / codes.scale > boundary for value in values[0].tolist())


def test_the_lowest_code_of_flexpoint_clips_too(int8_machine):
    machine = Datapath(
        replace(
            int8_machine.recipe(),
            rules={**int8_machine.recipe().rules, Role.ACTIVATION: TensorRule(format_by_name("flex16+5"))},
        ),
        {},
        seed=1,
    )
    for step, values in enumerate(([[1.0, -1.0]], [[100.0, -100.0, 1.0]])):
        machine.begin_step(step, training=True)
        machine.context.observation = Observation()
        data = np.array(values, dtype=np.float32)
        codes = machine.quantise(machine.external("x", data.shape, FP32, Role.INPUT, data), Role.ACTIVATION, "codes")
    assert codes.data[0, :2].tolist() == [32767, -32768]
    assert machine.context.observation.found["codes"].statistics.saturated == 2


@pytest.mark.parametrize(
    ("values", "saturated", "sqnr_db"),
    [([1.0, 1e6, -1e6], 2, -math.inf), ([1.0, math.nan], 0, math.nan), ([1.0, math.inf], 0, math.nan)],
)
def test_what_is_not_finite_is_never_called_exact(fp32_machine, values, saturated, sqnr_db):
    """A value that became infinity is saturated; what was infinite, or no number, before has no error to speak of."""
    _, found = _counted(fp32_machine, format_by_name("fp16"), np.array([values], dtype=np.float32))
    assert found.saturated == saturated
    assert found.sqnr_db == pytest.approx(sqnr_db, nan_ok=True)
    assert found.cosine is None or math.isfinite(found.cosine)
