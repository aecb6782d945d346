"""Random machines: every option of array, buffers, levels and DRAM that bears on time."""

from __future__ import annotations

from random import Random
from typing import Any

from accelsim.hardware import HardwareConfig
from accelsim.hardware.dram_standards import dram_standards

SIDES = (1, 2, 4, 8, 16, 32, 64, 128)
LANES = (1, 3, 16, 64, 128, 512)


def random_machine(draw: Random, base: HardwareConfig) -> HardwareConfig:
    """Numerics, clock and technology are those of ``base``."""
    fields = base.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    fields["mac_array"] |= _array(draw)
    for unit in ("vector_unit", "norm_unit", "quantise_unit", "update_unit"):
        fields[unit]["lanes"] = draw.choice(LANES)
    fields["buffers"] = {name: _memory(draw, 12, 21) for name in ("input", "weight", "output")}
    count = draw.choice((0, 0, 1, 2))
    fields["buffers"]["levels"] = [{"name": f"l{i + 1}"} | _memory(draw, 14, 24) for i in range(count)]
    both = all(fields["buffers"][name]["double_buffered"] for name in ("input", "weight"))
    fields["mac_array"]["prefetch"] = both and draw.random() < 0.3
    fields["dram"] = _dram(draw)
    return HardwareConfig.model_validate(fields)


def _array(draw: Random) -> dict[str, Any]:
    return {
        "count": draw.choice((1, 1, 2, 3, 4)),
        "rows": draw.choice(SIDES),
        "columns": draw.choice(SIDES),
        "dataflow": draw.choice(("os", "ws", "is")),
        "edge_folds": draw.choice(("full", "used")),
        "fold_overlap": draw.choice(("serial", "overlapped")),
        "cycles_per_mac": draw.choice((1, 1, 2)),
        "tiling": draw.choice(("rule", "rule", "search")),
    }


def _memory(draw: Random, least: float, most: float) -> dict[str, Any]:
    """``least`` and ``most``: powers of two that its capacity lies between."""
    return {
        "capacity_bytes": int(2 ** draw.uniform(least, most)),
        "bytes_per_cycle": draw.choice((4, 32, 128, 256, 1024)),
        "banks": draw.choice((1, 1, 2, 4)),
        "ports": draw.choice(("separate", "shared")),
        "double_buffered": draw.random() < 0.75,
        "resident_share": draw.choice((0.0, 0.25, 0.5, 0.75)),
    }


def _dram(draw: Random) -> dict[str, Any]:
    if draw.random() < 0.3:
        rate = draw.choice((1e9, 10e9, 34e9, 300e9))
        return {"model": "bandwidth", "bandwidth_bytes_per_s": rate, "latency_ns": 50, "energy_pj_per_bit": 10}
    pattern = draw.choice(("streaming", "random"))
    return {"standard": draw.choice(sorted(dram_standards())), "channels": draw.choice((1, 2, 8)), "pattern": pattern}
