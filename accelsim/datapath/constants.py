"""Values of the tables that a machine has from the start."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from accelsim.datapath.kernels import rotation
from accelsim.machine import Value
from accelsim.machine.constant import Constant
from accelsim.machine.rotary import FRACTION_BITS, ROTATION


@cache
def _rotation(constant: Constant) -> Value:
    """Integers with their fraction bits; floats each the double nearest to it, rounded to its format."""
    is_integer, (tokens, d) = constant.format.is_integer, constant.shape
    table, one = np.empty((tokens, d), constant.format.storage), 1 << rotation.FRACTION_BITS
    for position, row in enumerate(rotation.rotation_rows(tokens, d, constant.argument)):
        numbers = (rotation.in_fixed_point(each, FRACTION_BITS) if is_integer else each / one for each in row)
        table[position] = list(numbers)
    return Value(table, 0.5**FRACTION_BITS if is_integer else 1.0)


TABLES: dict[str, Callable[[Constant], Value]] = {ROTATION: _rotation}
"""By kind of constant."""
