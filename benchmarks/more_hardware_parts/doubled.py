"""A machine with twice of one thing, or the better of two options."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from accelsim.hardware import HardwareConfig
from accelsim.hardware.dram_standards import dram_standards

BUFFERS = ("input", "weight", "output")
UNITS = ("vector_unit", "norm_unit", "quantise_unit", "update_unit")
BETTER = {"edge_folds": "used", "fold_overlap": "overlapped", "tiling": "search"}


def doubled(hw: HardwareConfig) -> Iterator[tuple[str, HardwareConfig]]:
    """Each with what there is twice of."""
    for more, paths in _paths(hw):
        fields = hw.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        for path in paths:
            _double(fields, path, hw)
        yield more, HardwareConfig.model_validate(fields)
    for option, better in BETTER.items():
        if getattr(hw.mac_array, option) != better:
            yield (
                f"`{option}: {better}`",
                hw.model_copy(update={"mac_array": hw.mac_array.model_copy(update={option: better})}),
            )


def _paths(hw: HardwareConfig) -> Iterator[tuple[str, list[str]]]:
    yield "capacity of all three buffers", [f"buffers.{name}.capacity_bytes" for name in BUFFERS]
    for name in BUFFERS:
        yield f"capacity of the {name} buffer", [f"buffers.{name}.capacity_bytes"]
    yield "bytes per cycle of all three buffers", [f"buffers.{name}.bytes_per_cycle" for name in BUFFERS]
    for number, _ in enumerate(hw.buffers.levels):
        yield "capacity of a level", [f"buffers.levels.{number}.capacity_bytes"]
        yield "bytes per cycle of a level", [f"buffers.levels.{number}.bytes_per_cycle"]
    yield "lanes of all units", [f"{unit}.lanes" for unit in UNITS if getattr(hw, unit)]
    yield "arrays", ["mac_array.count"]
    plain = hw.dram.model == "bandwidth"
    yield "DRAM bandwidth or channels", ["dram.bandwidth_bytes_per_s" if plain else "dram.channels"]


def _double(fields: dict[str, Any], path: str, hw: HardwareConfig) -> None:
    *names, last = path.split(".")
    here: Any = fields
    for name in names:
        here = here[int(name)] if isinstance(here, list) else here.setdefault(name, {})
    value = here.get(last)
    if value is None:
        value = _default(path, hw)
    here[last] = 2 * copy.deepcopy(value)


def _default(path: str, hw: HardwareConfig) -> Any:
    """What counts where the hwconfig says nothing."""
    if path == "dram.channels":
        return dram_standards()[hw.dram.standard].channels
    found: Any = hw
    for name in path.split("."):
        found = found[int(name)] if isinstance(found, tuple | list) else getattr(found, name)
    return found
