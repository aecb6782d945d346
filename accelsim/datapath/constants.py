"""Values of the tables that a machine has from the start."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from accelsim.datapath.kernels import rotation
from accelsim.machine import Value
from accelsim.machine.constant import Constant
from accelsim.machine.rotary import FRACTION_BITS, ROTATION


def _rotation(constant: Constant) -> Value:
    """Integers with their fraction bits; floats each the nearest one of its format."""
    (tokens, d), storage = constant.shape, constant.format.storage
    table = rotation.rotation_table(tokens, d, constant.argument)
    if constant.format.is_integer:
        codes = [[rotation.in_fixed_point(number, FRACTION_BITS) for number in row] for row in table]
        return Value(np.array(codes, dtype=storage), 0.5**FRACTION_BITS)
    # The quotient of two integers is the nearest double.
    one = 1 << rotation.FRACTION_BITS
    return Value(np.array([[number / one for number in row] for row in table]).astype(storage))


TABLES: dict[str, Callable[[Constant], Value]] = {ROTATION: _rotation}
"""By kind of constant."""
