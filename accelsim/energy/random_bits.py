"""Energy of the random bits of stochastic rounding and dropout, by what makes them.

Philox4x32-10 makes eight 16-bit codes in ten rounds of two 32-bit multiplications and four XORs; between rounds, two
additions move the key on (Salmon et al., SC 2011). An element takes a code, however few of its bits it uses. A
Fibonacci register makes one bit a clock, the XOR of its taps, and steps once for each bit.

No table has an XOR of its own. It counts as an addition of as many bits, which carries besides: a little too much.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from accelsim.energy.figures import add_pj, multiply_pj
from accelsim.formats import Format, Recipe, Role, Rounding, integer
from accelsim.formats.lfsr import TAPS
from accelsim.formats.recipe import RandomSource
from accelsim.hardware import HardwareConfig
from accelsim.program import Operation, Program

WORD = integer(32)
"""What both generators compute in."""
CODES = 8
"""Codes of a Philox block."""
BLOCK_MULTIPLIES = 10 * 2
BLOCK_ADDS = 10 * 4 + 9 * 2
"""XORs and additions of a block."""
REGISTER_BITS = 32
DROPOUT = frozenset({"dropout", "dropout_backward"})
"""They draw by Philox; backward draws again what forward drew."""
CONVERSIONS = frozenset({"quantise", "requantise", "convert", "dequantise"})


@dataclass(frozen=True)
class Draws:
    """``elements`` that take ``bits`` random bits each, from ``source``."""

    elements: int
    bits: int
    source: RandomSource


def random_pj(hw: HardwareConfig, draws: Draws) -> float:
    """Energy of making the bits."""
    if draws.source is RandomSource.LFSR:
        xors = draws.bits * (len(TAPS[REGISTER_BITS]) - 1) / WORD.bits
        return draws.elements * xors * add_pj(hw, WORD)
    block = BLOCK_MULTIPLIES * multiply_pj(hw, WORD) + BLOCK_ADDS * add_pj(hw, WORD)
    return draws.elements * block / CODES


def draws_of(program: Program, operation: Operation, recipe: Recipe) -> Iterator[Draws]:
    """What an operation draws: one entry a tensor."""
    outputs = program.outputs_of(operation)
    if operation.opcode in DROPOUT:
        yield Draws(outputs[0].elements, 16, RandomSource.PHILOX)
    elif operation.opcode == "all_reduce":
        machines = operation.attributes["machines"]
        sums = machines - 1 if operation.attributes["rounds_each_sum"] else 1
        for output in outputs:
            yield from _as_recorded(sums * -(-output.elements // machines), operation)
    elif operation.opcode in CONVERSIONS:
        yield from _as_recorded(outputs[0].elements, operation)
    elif operation.steps_parameter and outputs[0].format.is_integer:
        # The velocity is rounded even where no momentum keeps it.
        for role in (Role.OPTIMIZER_STATE, Role.MASTER_WEIGHT):
            yield from _rounded(outputs[0].elements, recipe, role)
    elif operation.steps_parameter:
        for kept in outputs:
            if _rounds(kept.format):
                yield from _rounded(kept.elements, recipe, kept.role)


def _as_recorded(elements: int, operation: Operation) -> Iterator[Draws]:
    """A layer may have a rounding of its own, so what counts is how the operation was recorded."""
    made = operation.attributes
    if made.get("rounding") == Rounding.STOCHASTIC:
        yield Draws(elements, made["random_bits"], RandomSource(made["random_source"]))


def _rounded(elements: int, recipe: Recipe, role: Role) -> Iterator[Draws]:
    """Nothing for a role without a rule, which is never rounded to one."""
    rule = recipe.rules.get(role)
    if rule is not None and rule.rounding is Rounding.STOCHASTIC:
        yield Draws(elements, rule.random_bits, rule.random_source)


def _rounds(format_: Format) -> bool:
    """Floats that an update computes in fp32 and stores narrower."""
    return format_.bits < WORD.bits
