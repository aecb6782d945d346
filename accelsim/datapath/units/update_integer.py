"""The optimizer's arithmetic in integers, see ``reference_update``: one rounding for each value that is stored.

    accumulator = k v / 256 + gradient + decay w      16 bits below the unit of v; terms rounded half away on entry
    v <- accumulator, rounded as optimizer_state says
    w <- w - learning_rate v, the step rounded as master_weight says

What is stored saturates at both ends. Without momentum v is a register that nothing keeps.
"""

from __future__ import annotations

from typing import Any

from accelsim.datapath.context import Context
from accelsim.datapath.fixed_point import gradient_peak, settle
from accelsim.datapath.kernels.shift import TERM_BITS, shifted
from accelsim.datapath.units.scales import expect_finite
from accelsim.datapath.units.update_scale import (
    DECAY_BITS,
    EXACT_BITS,
    MOMENTUM_BITS,
    few_bits,
    learning_rate,
    momentum_share,
)
from accelsim.formats import Format, IntegerFormat, Role, Rounding
from accelsim.machine import Tensor
from accelsim.program import Operation

FRACTION_BITS = 16
"""Bits of the accumulator below the unit of the velocity: all random bits that a role can have."""


def integer_sgd(c: Context, op: Operation, w: Tensor, gradient: Tensor, velocity: Tensor | None) -> None:
    """Overwrites the codes of ``w`` and ``velocity``; the velocity's exponent comes from the first gradient.

    Until a gradient that is not zero arrives there is no exponent, and nothing moves.

    Raises:
        UserError: the gradient is not finite.
    """
    peak = gradient_peak(c, gradient)
    expect_finite(c, gradient, peak)
    name, format_ = f"{w.name}.momentum", c.recipe[Role.OPTIMIZER_STATE].format
    unit = settle(c, name, Role.OPTIMIZER_STATE, peak, _integer(format_))
    if unit is None:
        return
    weight_unit = c.scales.fixed_point[w.name]
    total = _gradient_term(c, gradient, unit + FRACTION_BITS)
    if op.attributes["weight_decay"]:
        decay = few_bits(op.attributes["weight_decay"], DECAY_BITS)
        total += _term(c, w.data, decay.mantissa, weight_unit + decay.shift - unit - FRACTION_BITS)
    if velocity is not None:
        k = momentum_share(op.attributes["momentum"])
        total += velocity.data.astype("int64") * (k << (FRACTION_BITS - MOMENTUM_BITS))
    v = _rounded(c, name, Role.OPTIMIZER_STATE, total, FRACTION_BITS)
    v = _saturated(c, v, format_)
    rate = learning_rate(c.learning_rate, op.attributes["learning_rate"])
    step = _rounded(c, w.name, Role.MASTER_WEIGHT, v * -rate.mantissa, rate.shift + unit - weight_unit)
    c.state[w.name] = _saturated(c, w.data + step, w.format).astype(w.format.storage)
    if velocity is not None:
        c.state[name] = v.astype(format_.storage)


def _gradient_term(c: Context, gradient: Tensor, unit: int) -> Any:
    """The gradient in the accumulator, ``unit`` bits below 1: floats to nearest even, codes by their scale."""
    if gradient.format.is_integer:
        scale = few_bits(float(gradient.scale), EXACT_BITS)
        return _term(c, gradient.data, scale.mantissa, scale.shift - unit)
    values = c.kernels.xp.rint(gradient.data.astype("float64") * 2.0**unit)
    return c.kernels.xp.clip(values, -(2.0**TERM_BITS), 2.0**TERM_BITS).astype("int64")


def _term(c: Context, codes: Any, mantissa: int, shift: int) -> Any:
    return shifted(c.kernels.xp, codes.astype("int64") * mantissa, shift, Rounding.NEAREST_AWAY)


def _rounded(c: Context, name: str, role: Role, x: Any, shift: int) -> Any:
    """``x / 2**shift`` by the rounding of ``role``; random bits are keyed by the name of what is stored."""
    rule, random = c.recipe[role], None
    if rule.rounding is Rounding.STOCHASTIC:
        random = c.kernels.random_codes(c.random_stream(f"{name}.update", rule), x.size).reshape(x.shape)
    return shifted(c.kernels.xp, x, shift, rule.rounding, random, rule.random_bits)


def _saturated(c: Context, codes: Any, format_: Format) -> Any:
    held = _integer(format_)
    return c.kernels.xp.clip(codes, held.symmetric_min_code, held.max_code)


def _integer(format_: Format) -> IntegerFormat:
    if not isinstance(format_, IntegerFormat):
        raise TypeError(f"{format_} has no fixed point")
    return format_
