"""Dropout of the vector unit: which elements stay is drawn as the bits of stochastic rounding are."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

from accelsim.datapath.context import Context
from accelsim.datapath.kernels import RandomStream
from accelsim.datapath.units.registry import executes
from accelsim.machine import Tensor, Value
from accelsim.program import Operation, TensorSpec

DRAWN_BITS = 16
"""Random bits of an element."""


@executes("dropout")
def dropout(c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]) -> Sequence[Value]:
    """x under the mask that belongs to the output's name."""
    return [_masked(c, inputs[0], outputs[0], outputs[0].name, op.attributes["rate"])]


@executes("dropout_backward")
def dropout_backward(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """g under the mask of the forward output."""
    return [_masked(c, inputs[0], outputs[0], op.attributes["drawn_for"], op.attributes["rate"])]


def _masked(c: Context, x: Tensor, output: TensorSpec, drawn_for: str, rate: float) -> Value:
    """Integers leave the division to their scale."""
    dropped = round(rate * (1 << DRAWN_BITS))
    stream = RandomStream(c.seed, c.step, zlib.crc32(drawn_for.encode()), DRAWN_BITS)
    stays = c.kernels.random_codes(stream, output.elements).reshape(output.shape) >= dropped
    scale = x.scale / (1 - dropped / (1 << DRAWN_BITS))
    codes: Any = c.kernels.xp.asarray(x.data)
    codes = c.kernels.xp.where(stays, codes, codes.dtype.type(0))
    if x.format.is_integer:
        return Value(codes.astype(output.format.storage, copy=False), scale)
    return Value((codes * scale).astype(output.format.storage, copy=False))
