"""Whether one machine has everything that another one has.

Then it can do all that the other one does, in the same cycles, by leaving the rest idle. Rows and columns of an array
are no such rest: operands and results of a larger array pass all of it. Nor is another DRAM standard, whose timing is
better in some figures and worse in others, nor another ``tiling_goal``: who asks for least traffic wants no faster
schedule that moves more. What bears on energy and area alone isn't compared.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from operator import ge, le
from typing import Any

from pydantic import BaseModel

from accelsim.hardware.cluster import Cluster
from accelsim.hardware.config import HardwareConfig
from accelsim.hardware.dram import Dram
from accelsim.hardware.memory import Memory
from accelsim.hardware.units import LaneUnit, MacArray

Rule = Callable[[Any, Any], bool]
"""Whether the first value is as much as the second, or more."""


FIRST_ROWS = ("conflict", "closed", "hit")
"""From the longest latency to the shortest."""


def _any(found: Any, other: Any) -> bool:
    return True


def _at_best(*names: Any) -> Rule:
    """Options from the least to the best."""
    return lambda found, other: names.index(found) >= names.index(other)


RULES: dict[type[BaseModel], dict[str, Rule]] = {
    HardwareConfig: {
        "name": _any,
        "description": _any,
        "technology": _any,
        "energy": _any,
        "operation_overlap": _at_best("serial", "overlapped"),
        "fused_epilogues": lambda found, other: set(found) >= set(other),
        "quantise_unit": lambda found, other: other is None or _has(found, other),
    },
    MacArray: {
        "count": ge,
        "split_products": _any,  # _shares_alike
        "cycles_per_mac": le,
        "edge_folds": _at_best("full", "used"),
        "fold_overlap": _at_best("serial", "overlapped"),
        "tiling": _at_best("rule", "search"),
        "prefetch": ge,
    },
    LaneUnit: {"lanes": ge},
    Memory: {
        "capacity_bytes": ge,
        "bytes_per_cycle": ge,
        "banks": ge,
        "word_bits": _any,
        "ports": _at_best("shared", "separate"),
        "double_buffered": ge,
        "resident_share": _any,  # _rooms compares what it comes to
    },
    Cluster: {
        "link_bytes_per_s": ge,
        "link_latency_ns": le,
        "link_pj_per_bit": _any,
    },
    Dram: {
        "standard": _any,  # _as_fast, as the five below
        "channels": _any,
        "first_row": _any,
        "bandwidth_bytes_per_s": _any,
        "efficiency": _any,
        "latency_ns": _any,
        "energy_pj_per_bit": _any,
        "static_mw": _any,
    },
}
"""Of each model's fields; those of what it derives from hold too, and others must be equal."""


def has_at_least(hw: HardwareConfig, other: HardwareConfig) -> bool:
    """Whether ``hw`` has all of the hardware of ``other``, or better options, at the same clock and numerics."""
    return _has(hw, other)


def _has(found: Any, other: Any) -> bool:
    if isinstance(found, BaseModel) and type(found) is type(other):
        rules = _rules(type(found))
        fields = ((rules.get(name, _has), getattr(found, name), getattr(other, name)) for name in _fields(found))
        return all(rule(mine, theirs) for rule, mine, theirs in fields) and _whole(found, other)
    if isinstance(found, tuple) and isinstance(other, tuple):
        return len(found) == len(other) and all(map(_has, found, other))
    return bool(found == other)


def _fields(model: BaseModel) -> list[str]:
    return list(type(model).model_fields)


def _rules(model: type[BaseModel]) -> dict[str, Rule]:
    return {name: rule for base in reversed(model.__mro__) for name, rule in RULES.get(base, {}).items()}


def _whole(found: BaseModel, other: BaseModel) -> bool:
    """What no field says by itself."""
    if isinstance(found, Memory) and isinstance(other, Memory):
        return _rooms(found, other)
    if isinstance(found, MacArray) and isinstance(other, MacArray):
        return _shares_alike(found, other)
    if isinstance(found, Dram) and isinstance(other, Dram):
        return _as_fast(found, other)
    return True


def _rooms(found: Memory, other: Memory) -> bool:
    """Residents and tiles each have as much room."""
    at_work = found.capacity_bytes - found.resident_bytes >= other.capacity_bytes - other.resident_bytes
    return at_work and found.resident_bytes >= other.resident_bytes


def _shares_alike(found: MacArray, other: MacArray) -> bool:
    """Arrays share products out alike; one array, which is left where the others are idle, has nothing to share."""
    return found.split_products == other.split_products or other.count == 1


def _as_fast(found: Dram, other: Dram) -> bool:
    """As a bandwidth alone, whatever its label; or the same standard, on as many channels or more.

    Both are of one ``model``, which is a field.
    """
    if found.row is None or other.row is None:
        return _bandwidth(found) >= _bandwidth(other) and (found.latency_ns or 0) <= (other.latency_ns or 0)
    channels = (found.channels or found.row.channels) >= (other.channels or other.row.channels)
    return found.row == other.row and channels and _answers_as_soon(found, other)


def _bandwidth(dram: Dram) -> Fraction:
    """Bytes per second that a stream reaches, with figures as they were written."""
    return Fraction(str(dram.bandwidth_bytes_per_s)) * Fraction(str(dram.efficiency))


def _answers_as_soon(found: Dram, other: Dram) -> bool:
    """By the latency that is given, or else by the standard's, which depends on the row that is found."""
    if found.latency_ns is None or other.latency_ns is None:
        return found.latency_ns is other.latency_ns and _at_best(*FIRST_ROWS)(found.first_row, other.first_row)
    return found.latency_ns <= other.latency_ns
