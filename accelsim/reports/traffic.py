"""DRAM bytes by class of tensor: a short table for the terminal, one by phase for the page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from accelsim.reports.figures.aggregate import phase_title, phases
from accelsim.reports.palette import TENSOR_CLASSES
from accelsim.reports.result import Result
from accelsim.reports.step_table import Grid, StepTable
from accelsim.reports.units import MISSING, human_bytes, human_energy, human_percent

NOTE = (
    "Stash: results of the forward pass that the backward pass reads again; activations are read by the forward pass "
    "alone. Weights: parameters as layers take them; a master copy that codes are made of counts with the optimizer."
)


@dataclass(frozen=True)
class Moved:
    """Bytes of a class of tensor to and from DRAM, and their energy."""

    read_bytes: float = 0.0
    write_bytes: float = 0.0
    energy_pj: float = 0.0

    @property
    def bytes(self) -> float:
        """In both directions."""
        return self.read_bytes + self.write_bytes

    def __add__(self, other: Moved) -> Moved:
        return Moved(
            self.read_bytes + other.read_bytes,
            self.write_bytes + other.write_bytes,
            self.energy_pj + other.energy_pj,
        )


def by_class(traffic: pd.DataFrame, phase: str | None = None) -> dict[str, Moved]:
    """What moved by class, in one phase or in all, in the order of tables; unknown classes come last."""
    sums = defaultdict[str, Moved](Moved)
    for row in traffic.to_dict("records"):
        if phase is None or row["phase"] == phase:
            found = Moved(*(float(row[name]) for name in ("read_bytes", "write_bytes", "energy_pj")))
            sums[str(row["class"])] += found
    return {name: sums[name] for name in [*TENSOR_CLASSES, *sums] if name in sums}


def class_title(name: str) -> str:
    """Readable name of a class."""
    return TENSOR_CLASSES.get(name, name)


def _grid(result: Result) -> Grid:
    """Bytes and energy by class, and their total."""
    return _table(result.traffic, [])


def _grid_by_phase(result: Result) -> Grid:
    """The same, with bytes read and written in each phase."""
    return _table(result.traffic, phases(result.traffic))


def _table(traffic: pd.DataFrame, by_phase: Sequence[str]) -> Grid:
    sums, parts = by_class(traffic), [by_class(traffic, phase) for phase in by_phase]
    whole = _total(sums)
    rows = [
        [class_title(name), *_cells((part.get(name, Moved()) for part in parts), moved, whole)]
        for name, moved in sums.items()
    ]
    if rows:
        rows.append(["Total", *_cells(map(_total, parts), whole, whole)])
    ways = [f"{phase_title(phase)}, {way}" for phase in by_phase for way in ("read", "written")]
    header = ["Class", *ways, "Read", "Written", "Energy", "Share of bytes"]
    return Grid(header, rows, range(1, len(header)))


def _total(sums: Mapping[str, Moved]) -> Moved:
    return sum(sums.values(), Moved())


def _cells(parts: Iterable[Moved], moved: Moved, whole: Moved) -> list[str]:
    sizes = [size for each in (*parts, moved) for size in (each.read_bytes, each.write_bytes)]
    share = human_percent(moved.bytes / whole.bytes) if whole.bytes else MISSING
    return [*(human_bytes(size) if size else MISSING for size in sizes), human_energy(moved.energy_pj), share]


TRAFFIC = StepTable("DRAM traffic by tensor class", lambda _: NOTE, _grid, wide_grid=_grid_by_phase, total=True)
