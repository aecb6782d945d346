"""Whether one machine has everything that another one has.

Then it can do all that the other one does, in the same cycles, by leaving the rest idle. Rows and columns of an array
are no such rest: operands and results of a larger array pass all of it. Nor is another DRAM standard, whose timing is
better in some figures and worse in others. What bears on energy and area alone isn't compared.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import ge, le
from typing import Any

from pydantic import BaseModel

from accelsim.hardware.config import HardwareConfig
from accelsim.hardware.dram import Dram
from accelsim.hardware.memory import Memory
from accelsim.hardware.units import LaneUnit, MacArray

Rule = Callable[[Any, Any], bool]
"""Whether the first value is as much as the second, or more."""


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
        "fused_epilogues": lambda found, other: set(found) >= set(other),
    },
    MacArray: {
        "count": ge,
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
    Dram: {
        "standard": _any,  # _same_dram tells a standard from a label
        "channels": _any,
        "bandwidth_bytes_per_s": lambda found, other: (found or 0) >= (other or 0),
        "efficiency": ge,
        "latency_ns": lambda found, other: found == other or (other is not None and (found or 0) <= other),
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
    if isinstance(found, Dram) and isinstance(other, Dram):
        return _same_dram(found, other)
    return True


def _rooms(found: Memory, other: Memory) -> bool:
    """Residents and tiles each have as much room."""
    at_work = found.capacity_bytes - found.resident_bytes >= other.capacity_bytes - other.resident_bytes
    return at_work and found.resident_bytes >= other.resident_bytes


def _same_dram(found: Dram, other: Dram) -> bool:
    """The same standard, on as many channels or more; any label will do where DRAM is a bandwidth alone."""
    if found.row is None or other.row is None:
        return found.row is other.row
    return found.row == other.row and (found.channels or found.row.channels) >= (other.channels or other.row.channels)
