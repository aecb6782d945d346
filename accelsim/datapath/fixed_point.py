"""Fixed point of what the update keeps as integers: codes under one power of two a tensor, chosen once.

real = code x 2**-exponent. The exponent is chosen where the datapath first reads the tensor and stays in
``ScaleState.fixed_point`` from then on.
"""

from __future__ import annotations

import math
from typing import Any

from accelsim.datapath.context import Context
from accelsim.errors import InternalError
from accelsim.formats import IntegerFormat, Role
from accelsim.machine import Parameter, Tensor, Value

HEADROOM = {Role.MASTER_WEIGHT: 4.0, Role.OPTIMIZER_STATE: 32.0}
"""Range over the largest initial magnitude of a master weight, or of the first gradient of a velocity."""


def held(c: Context, parameter: Parameter, format_: IntegerFormat) -> Value:
    """A persistent tensor as codes and scale; the first read turns its initial floats into codes.

    A tensor that starts constant (gain 1, offset 0) has a range as if its largest magnitude were at least 1. A
    velocity that starts at zero has no exponent until ``settle`` gives it one; its codes are zeros.

    Raises:
        InternalError: the state holds codes whose exponent is lost.
    """
    name = parameter.name
    data = c.state[name]
    if data.dtype.kind == "f":
        peak = float(c.kernels.largest_magnitude(data))
        if parameter.role is Role.MASTER_WEIGHT and not (parameter.std and peak):
            peak = max(peak, 1.0)
        exponent = settle(c, name, parameter.role, peak, format_)
        data = c.state[name] = _codes(c.kernels.xp, data, exponent or 0, format_)
    elif name not in c.scales.fixed_point and data.any():
        raise InternalError(f"{name} has codes but no exponent")
    return Value(data, 2.0 ** -c.scales.fixed_point.get(name, 0))


def settle(c: Context, name: str, role: Role, peak: float, format_: IntegerFormat) -> int | None:
    """The exponent of a tensor; chosen now from ``peak`` where it has none, and None where ``peak`` is zero too."""
    if name not in c.scales.fixed_point and peak:
        c.scales.fixed_point[name] = fraction_bits(peak * HEADROOM[role] * c.recipe[role].headroom, format_)
    return c.scales.fixed_point.get(name)


def fraction_bits(largest: float, format_: IntegerFormat) -> int:
    """Exponent of the finest codes that span ``largest``, rounded up to a power of two."""
    fraction, exponent = math.frexp(largest)
    return format_.bits - 1 - exponent + (fraction == 0.5)


def gradient_peak(c: Context, gradient: Tensor) -> float:
    """Largest magnitude of a gradient with one scale."""
    return float(c.kernels.largest_magnitude(gradient.data)) * float(gradient.scale)


def _codes(xp: Any, x: Any, exponent: int, format_: IntegerFormat) -> Any:
    """Floats rounded to nearest even, saturated."""
    codes = xp.rint(x.astype("float64") * 2.0**exponent)
    return xp.clip(codes, format_.symmetric_min_code, format_.max_code).astype(format_.storage)
