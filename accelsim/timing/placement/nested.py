"""Where tensors live in a step that does one operation after another: choices to which more room only adds.

A greedy choice may give up, with more room, what it kept with less. So those that are tried here are such that to each
one on a machine belongs one on a machine with more room that keeps all of it, in a place as near or nearer:

- **Nested.** Tensors come in some order, and one that finds no room all along closes its time to all that come later.
  So a tensor stays only where all that come before it in its time stay, which ask for the same room on every machine.
- **As with less room.** Each stays where there is room, of which only so much is used as 2^k or 3 x 2^k bytes are; or
  the one that is last needed is given up (``keeping.py``), where the tensors exceed such a room.

No order depends on the machine: tensors come by the waiting for DRAM that they spare (``spared.py``), where a
multiply-accumulate hides so many bytes of DRAM, or any number, and no other work hides any; large ones may be left out.
Levels between DRAM and the operand buffers are filled nested, with what was given up inside of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import product

from accelsim.program import Program, Unit
from accelsim.timing.placement.keeping import Rule, by_worth, filled, kept
from accelsim.timing.placement.lifetimes import Lifetimes
from accelsim.timing.placement.residency import Residency
from accelsim.timing.placement.spared import spared_cycles

HIDDEN_BYTES = (0.0, 1 / 128, 1 / 16, math.inf)
"""Of DRAM, beneath one multiply-accumulate."""
RULES = (Rule.WAITING, Rule.WAITING_BY_ROOM)
LIMITS = 4
"""Factor between one size, above which tensors are left out, and the next."""
LEVEL_LIMITS = 64
"""The same in levels."""


def nested_placements(program: Program, known: Residency) -> Iterator[Residency]:
    """Placements to try, each once, that with nothing on chip first.

    ``known``: any placement of the same step, with tensors there in the order of issue.
    """
    lives = known.lifetimes(program)
    yield replace(known, on_chip=frozenset(), in_levels={})
    seen = {(frozenset[int](), frozenset[tuple[int, int]]())}
    rooms = list(_rooms(program, lives.lasting, known.room_bytes[0]))
    last_needed = [frozenset(kept(Rule.LAST_NEEDED, program, lives, lives.lasting, room)) for room in rooms]
    for order in _orders(program, known, lives):
        nested = [filled(lives, each, known.room_bytes[0], closes=True) for each in _limited(program, order)]
        with_less = [filled(lives, order, room) for room in rooms]
        for on_chip in dict.fromkeys((*map(frozenset, nested), *map(frozenset, with_less), *last_needed)):
            given_up = [index for index in order if index not in on_chip]
            for in_levels in _in_levels(program, lives, given_up, known.room_bytes[1:]):
                placed = on_chip.union(in_levels), frozenset(in_levels.items())
                if placed not in seen:
                    seen.add(placed)
                    yield replace(known, on_chip=placed[0], in_levels=in_levels)


def _orders(program: Program, known: Residency, lives: Lifetimes) -> Iterator[list[int]]:
    """Orders in which tensors come, each once."""
    seen = set[tuple[int, ...]]()
    for hidden_bytes, rule in product(HIDDEN_BYTES, RULES):
        hidden = [_hidden(op.macs, hidden_bytes) if op.unit is Unit.MAC_ARRAY else 0 for op in program.operations]
        spared = spared_cycles(program, known.drained, hidden, 1)
        order = [index for index in by_worth(rule, lives, False, spared) if index in lives.lasting]
        if tuple(order) not in seen:
            seen.add(tuple(order))
            yield order


def _hidden(macs: int, bytes_each: float) -> float:
    return math.inf if math.isinf(bytes_each) else macs * bytes_each


def _in_levels(
    program: Program, lives: Lifetimes, order: Sequence[int], rooms_bytes: Sequence[int]
) -> Iterator[dict[int, int]]:
    """What levels keep of tensors that come in this order, by number of the level, from the innermost one outwards."""
    if not rooms_bytes:
        yield {}
        return
    *outer, room_bytes = rooms_bytes
    for each in _limited(program, order, LEVEL_LIMITS):
        there = filled(lives, each, room_bytes, closes=True)
        for further in _in_levels(program, lives, [index for index in order if index not in there], outer):
            yield {**further, **dict.fromkeys(there, len(rooms_bytes))}


def _limited(program: Program, order: Sequence[int], factor: int = LIMITS) -> Iterator[list[int]]:
    """The tensors up to one size after the other, whatever the room; all of them last."""
    limit, limited = 1, list[int]()
    while len(limited) < len(order):
        larger = [index for index in order if program.tensors[index].bytes <= limit]
        if len(larger) > len(limited) or len(larger) == len(order):
            limited = larger
            yield limited
        limit *= factor
    if not order:
        yield limited


def _rooms(program: Program, tensors: Iterable[int], room_bytes: int) -> Iterator[int]:
    """All of 2^k and 3 x 2^k bytes up to the room, or to what leaves nothing out, that the smallest tensor fits."""
    sizes = [program.tensors[index].bytes for index in tensors]
    power = 1
    while sizes and power < 2 * sum(sizes):
        yield from (least for least in (power, 3 * power // 2) if min(sizes) <= least <= room_bytes)
        power *= 2
