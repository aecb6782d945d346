"""Zero points: a unit subtracts them as it reads, so that inside of it zero is 0.

An operand of N bits less its zero point has N + 1. A MAC array may as well multiply the codes as they are and take
zero points x sums of codes off the result: the same integers, since both are the same sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from accelsim.datapath.arrays import on_device
from accelsim.formats import IntegerFormat, integer
from accelsim.machine import Tensor, Value
from accelsim.program import TensorSpec

KEPT = ("relu", "max_pool2d", "gelu", "silu", "slice_tokens")
"""Opcodes that hand on codes of their first input, on its scale and zero point."""


def centred(xp: Any, x: Tensor) -> Tensor:
    """``x`` with its zero point subtracted: signed codes of one bit more."""
    if x.zero_point is None or not isinstance(x.format, IntegerFormat):
        return x
    format_ = integer(x.format.bits + 1)
    data = x.data.astype(format_.storage) - on_device(xp, x.zero_point)
    spec = replace(x.spec, format=format_)
    return replace(x, spec=spec, value=Value(data.astype(format_.storage, copy=False), x.scale))


def restored(
    xp: Any, opcode: str, first: Tensor, outputs: Sequence[TensorSpec], values: Sequence[Value]
) -> Sequence[Value]:
    """What an opcode of ``KEPT`` made of a centred ``first``, on the codes of ``first`` again."""
    if opcode not in KEPT or first.zero_point is None:
        return values
    head, *rest = values
    codes = (head.data + on_device(xp, first.zero_point)).astype(outputs[0].format.storage)
    return [Value(codes, first.scale, first.zero_point), *rest]
