"""Rotary position embeddings on the vector unit: pairs of channels turned by the angles of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from accelsim.datapath.arrays import is_per_channel
from accelsim.datapath.context import Context
from accelsim.datapath.units.registry import executes
from accelsim.datapath.units.scales import multiplied_out
from accelsim.datapath.units.words import Words, in_words
from accelsim.formats import FixedPointMultiplier
from accelsim.machine import Tensor, Value
from accelsim.machine.rotary import FRACTION_BITS
from accelsim.program import Operation, TensorSpec

LARGEST = 2.0**29
"""Of codes that are brought to one scale: a code of 1 is scaled up by no more, which the kernels' multipliers can."""


@executes("rotary", "rotary_backward")
def rotary(c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]) -> Sequence[Value]:
    """Integers exactly, rounded half up to the unit of the words once; floats in double precision, rounded once."""
    (x, table), (output,), xp = inputs, outputs, c.kernels.xp
    back = op.opcode == "rotary_backward"
    if not x.format.is_integer:
        real = multiplied_out(xp, xp.asarray(x.data).astype("float64"), x.scale)
        return [Value(_turned(xp, real, xp.asarray(table.data).astype("float64"), back).astype(output.format.storage))]
    words = _on_one_scale(c, in_words(c, x, spare_bits=1))  # a turned pair is up to sqrt(2) times as large
    total = _turned(xp, words.data, xp.asarray(table.data).astype("int64"), back)
    return [Value(((total + (1 << (FRACTION_BITS - 1))) >> FRACTION_BITS).astype("int32"), words.scale)]


def _turned(xp: Any, x: Any, table: Any, back: bool) -> Any:
    """x (batch, tokens, heads x d) turned by the table (tokens, d), cosines before sines."""
    tokens, d = table.shape
    pairs = x.reshape(x.shape[0], tokens, -1, d // 2, 2)
    cosine, sine = table[:, None, : d // 2], table[:, None, d // 2 :]
    a, b, sine = pairs[..., 0], pairs[..., 1], -sine if back else sine
    turned = xp.empty(pairs.shape, dtype=x.dtype)
    turned[..., 0] = a * cosine - b * sine
    turned[..., 1] = a * sine + b * cosine
    return turned.reshape(x.shape)


def _on_one_scale(c: Context, words: Words) -> Words:
    """Channels with scales of their own on one that holds the largest code under the largest scale."""
    if not is_per_channel(words.scale):
        return words
    scale = float(np.max(words.scale)) * words.peak / LARGEST
    codes = c.kernels.rescale(words.data, FixedPointMultiplier.from_real(words.scale / scale))
    return Words(c.kernels.xp.asarray(codes), scale, int(LARGEST))
