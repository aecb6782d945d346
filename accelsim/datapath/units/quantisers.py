"""How values take on a format: one function a family, from the real values of any tensor.

Integers under a measured scale have a faster route of their own in ``output_stage``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from accelsim.datapath.context import Context
from accelsim.datapath.divergence import diverged, notes_overflow
from accelsim.datapath.units.scales import choose_scale, expect_finite
from accelsim.formats import FP32, FloatFormat, Rounding, TensorRule
from accelsim.formats.flexpoint import AutoflexState, FlexpointFormat
from accelsim.formats.mx import BlockFormat
from accelsim.formats.nvfp4 import Nvfp4Format
from accelsim.formats.recipe import SCALED_BELOW_BITS
from accelsim.formats.scales import as_fp32
from accelsim.formats.ternary import binary_codes, ternary_codes
from accelsim.machine import Tensor, Value
from accelsim.program import TensorSpec

Quantiser = Callable[[Context, Tensor, TensorSpec, TensorRule], Value]
NEAREST = (Rounding.NEAREST, Rounding.NEAREST_EVEN)
TRIALS = 8
"""Trial writes after which Autoflex's first exponent is taken as it is."""


def to_float(c: Context, x: Tensor, output: TensorSpec, rule: TensorRule) -> Value:
    """Floats: rounded onto the grid, saturating; the narrow ones under a scale per tensor."""
    format_ = output.format
    wide = not isinstance(format_, FloatFormat) or format_.bits >= FP32.bits
    if wide and rule.rounding in NEAREST:
        return Value(c.kernels.floats(x.data, x.scale, format_.storage))
    if not isinstance(format_, FloatFormat):
        raise TypeError(f"{output.name} is not bound for a floating-point format")
    scale = choose_scale(c, x, output, rule, format_.max_normal) if format_.bits < SCALED_BELOW_BITS else 1.0
    if rule.rounding is Rounding.TRUNCATE and format_.bits >= SCALED_BELOW_BITS and c.recipe.skips_overflows:
        _note_stopped(c, x, output, format_)
    mode, random = _mode(rule), _random(c, output, rule)
    values = c.kernels.to_float_format(
        x.data, x.scale, scale, format_, mode, random, rule.random_bits, saturate=format_.bits < SCALED_BELOW_BITS
    )
    return Value(values, scale)


def _note_stopped(c: Context, x: Tensor, output: TensorSpec, format_: FloatFormat) -> None:
    """Truncation stops at the largest number what other roundings make infinite; hardware's flag tells of both."""
    if not c.kernels.largest_magnitude(x.data) * float(np.max(np.abs(x.scale))) < 2.0 ** (format_.emax + 1):
        notes_overflow(c, output.role)


def to_blocks(c: Context, x: Tensor, output: TensorSpec, rule: TensorRule) -> Value:
    """Blocks under a shared scale, along what the product reduces; NVFP4's under one of the tensor, too."""
    if not isinstance(output.format, BlockFormat):
        raise TypeError(f"{output.name} is not bound for a block format")
    mode, random, scale = _mode(rule), _random(c, output, rule), 1.0
    values = c.kernels.real_values(x.data, x.scale)
    if isinstance(output.format, Nvfp4Format):
        scale = float(as_fp32(np, np.float64(choose_scale(c, x, output, rule, output.format.largest))))
        values = values / scale
    shape, axis = output.along.viewed(output.shape)
    values, random = values.reshape(shape), None if random is None else random.reshape(shape)
    held = output.format.quantised(c.kernels.xp, values, axis, mode, random, rule.random_bits)
    return Value(held.reshape(output.shape), scale)


def to_flexpoint(c: Context, x: Tensor, output: TensorSpec, rule: TensorRule) -> Value:
    """Integers under the exponent that Autoflex predicted; the first write of a tensor is tried until it fits.

    A tensor of zeros fits any exponent: Autoflex hears nothing of it, and it is no first write.
    """
    format_ = output.format
    if not isinstance(format_, FlexpointFormat):
        raise TypeError(f"{output.name} is not bound for Flexpoint")
    mode, random = _mode(rule), _random(c, output, rule)
    # Finite codes under finite scales make finite values: neither is near the end of double precision.
    peak = c.kernels.largest_magnitude(x.data) * float(np.max(np.abs(x.scale)))
    expect_finite(c, x, peak)
    stored = c.scales.autoflex.get(output.plain_name)
    state = AutoflexState.from_dict(stored, format_) if stored else AutoflexState(format_)

    def write() -> Any:
        return c.kernels.flexpoint_codes(x.data, x.scale, state.exponent, format_, mode, random, rule.random_bits)

    codes = write()
    if not peak:
        return Value(codes, state.k)
    for _ in range(0 if stored else TRIALS):
        accepted = state.initialise(int(c.kernels.largest_magnitude(codes)))
        codes = write()
        if accepted:
            break
    scale = state.k
    if c.training:
        state.update(int(c.kernels.largest_magnitude(codes)))
    c.scales.autoflex[output.plain_name] = state.to_dict()
    return Value(codes, scale)


def to_signs(c: Context, x: Tensor, output: TensorSpec, rule: TensorRule) -> Value:
    """Ternary or binary codes and their mean magnitude.

    Raises:
        UserError: a value is not finite.
    """
    convert = binary_codes if output.format.family == "binary" else ternary_codes
    try:
        codes, scale = convert(c.kernels.xp, c.kernels.real_values(x.data, x.scale))
    except ValueError as error:
        raise diverged(c, f"{x.name} is not finite") from error
    return Value(codes, scale)


QUANTISERS: dict[str, Quantiser] = {
    "float": to_float,
    "block": to_blocks,
    "flexpoint": to_flexpoint,
    "ternary": to_signs,
    "binary": to_signs,
}
"""By family of the format that a tensor is bound for."""


def _mode(rule: TensorRule) -> str:
    return "nearest_even" if rule.rounding is Rounding.NEAREST else str(rule.rounding)


def _random(c: Context, output: TensorSpec, rule: TensorRule) -> Any:
    if rule.rounding is not Rounding.STOCHASTIC:
        return None
    stream = c.random_stream(output.name, rule)
    return c.kernels.random_codes(stream, output.elements).reshape(output.shape)
