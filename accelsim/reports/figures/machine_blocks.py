"""What the drawing of a machine shows: its memories and units, from DRAM inwards, and how busy the step kept each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from accelsim.reports.figures.aggregate import numbers
from accelsim.reports.palette import UNITS
from accelsim.reports.result import Result
from accelsim.reports.units import human_bytes, human_percent, human_rate

DATAFLOWS = {"os": "output stationary", "ws": "weight stationary", "is": "input stationary"}
LANE_UNITS = ("vector", "norm", "quantise", "update")
Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Block:
    """``lines`` under a ``title``; ``component``: whose colour of energy it has; ``share``: how busy, None where that
    isn't known; ``fields``: those of the hwconfig that it is made of, under the name ``path``."""

    title: str
    lines: tuple[str, ...]
    component: str
    share: float | None
    path: str
    fields: Fields


def columns(result: Result) -> list[list[Block]]:
    """DRAM, then each level, then the buffers, then the units: those in a column stand above each other."""
    levels = [[_memory(result, level["name"], level)] for level in result.hwconfig["buffers"].get("levels", ())]
    return [[_dram(result)], *levels, list(_buffers(result)), list(_units(result))]


def _dram(result: Result) -> Block:
    dram, summary = result.hwconfig["dram"], result.summary
    moved = (numbers(result.layers, f"dram_{way}_bytes").sum() for way in ("read", "write"))
    channels = f", {dram['channels']} channels" if (dram.get("channels") or 1) > 1 else ""
    peak = summary["dram_peak_bytes_per_s"]
    share = summary["dram_bandwidth_bytes_per_s"] / peak
    lines = (
        f"{dram['standard']}{channels}",
        f"peak {human_rate(peak)}",
        *_moved(*moved),
        f"{human_percent(share)} of peak",
    )
    return Block("DRAM", lines, "dram", share, "dram", dram)


def _buffers(result: Result) -> Iterator[Block]:
    for name in ("input", "weight", "output"):
        yield _memory(result, name, result.hwconfig["buffers"][name])


def _memory(result: Result, name: str, fields: Fields) -> Block:
    """A buffer or a level, as busy as its port, or the busier one of two.

    Of a shared port with several banks at least that: what fills one bank doesn't hold up reads of another, and tables
    have fills together with what units write.
    """
    row = result.memories[result.memories["memory"] == name]
    moved = [float(numbers(row, f"{way}_bytes").sum()) for way in ("read", "write")]
    in_turns = fields["ports"] == "shared" and fields["banks"] == 1
    at_port = sum(moved) if in_turns else max(moved)
    share = at_port / (fields["bytes_per_cycle"] * result.summary["total_cycles"])
    size, width = human_bytes(fields["capacity_bytes"]), f"{fields['bytes_per_cycle']} B/cycle"
    title, path = (f"{name.capitalize()} buffer", name) if "name" not in fields else (f"Level {name}", "levels")
    return Block(
        title, (size, width, *_moved(*moved), f"{human_percent(share)} busy"), "sram", share, f"buffers.{path}", fields
    )


def _moved(read_bytes: float, written_bytes: float) -> tuple[str, str]:
    return f"{human_bytes(read_bytes)} read", f"{human_bytes(written_bytes)} written"


def _units(result: Result) -> Iterator[Block]:
    array = result.hwconfig["mac_array"]
    share = _busy(result, "mac_array") / (1 if array["split_products"] else array["count"])
    size = f"{array['rows']} × {array['columns']}, {DATAFLOWS.get(array['dataflow'], array['dataflow'])}"
    title = "MAC array" if array["count"] == 1 else f"{array['count']} MAC arrays"
    lines = (size, *_products(result.hwconfig), f"{human_percent(share)} computing")
    yield Block(title, lines, "mac", share, "mac_array", array)
    for name in LANE_UNITS:
        if unit := result.hwconfig.get(f"{name}_unit"):
            busy = _busy(result, name)
            text = f"{unit['lanes']} lanes, {human_percent(busy)} computing"
            yield Block(f"{UNITS[name]} unit", (text,), "lane", busy, f"{name}_unit", unit)
    cluster = result.hwconfig.get("cluster")
    if cluster and cluster["machines"] > 1:
        busy = _busy(result, "link")
        text = f"{cluster['topology'].replace('_', ' ')} of {cluster['machines']} machines"
        rate = f"{human_rate(cluster['link_bytes_per_s'])}, {human_percent(busy)} busy"
        yield Block("Links", (text, rate), "link", busy, "cluster", cluster)


def _busy(result: Result, unit: str) -> float:
    """Share of the step in which units of a kind compute, as if there were one."""
    mine = result.layers[result.layers["unit"] == unit]
    return float(numbers(mine, "compute_cycles").sum()) / float(result.summary["total_cycles"])


def _products(hwconfig: Fields) -> Sequence[str]:
    """Formats of both operands and of the accumulator: where the gradient is bifurcated, two of its formats."""
    numerics, accumulators = hwconfig["numerics"], hwconfig["mac_array"]["accumulators"]

    def product(name: str, *roles: str) -> str:
        operands = (_format(numerics.get(role) or numerics[role.split("_")[0]]) for role in roles)
        return f"{name.replace('_', ' ')} {'×'.join(operands)} → {_format(accumulators[name])}"

    return (
        product("forward", "activation", "weight"),
        product("data_gradient", "layer_gradient_data_path", "weight_data_gradient"),
        product("weight_gradient", "layer_gradient_weight_path", "activation_weight_gradient"),
        *(("some layers in other formats",) if numerics.get("layers") else ()),
    )


def _format(entry: Any) -> str:
    return str(entry["format"] if isinstance(entry, Mapping) else entry)
