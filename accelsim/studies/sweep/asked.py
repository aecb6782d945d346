"""What a sweep was asked for, and the points of its grid."""

from __future__ import annotations

import hashlib
import itertools
import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accelsim.hardware import HardwareConfig
from accelsim.networks import Topology, Workload
from accelsim.simulation.settings import sorted_settings
from accelsim.studies.sweep.varied import Varied, known_value

Hwconfig = HardwareConfig | Path
Work = Workload | Topology | Path


@dataclass(frozen=True)
class Point:
    """One value of each varied field, in their order; ``seed`` is None where the workload's counts."""

    values: tuple[str, ...]
    seed: int | None = None


@dataclass(frozen=True)
class Asked:
    """The files, what varies, and the options that all points share.

    ``quantisers_every`` and ``track`` decide no figure, so a sweep goes on with others of these.
    """

    hwconfig: Hwconfig
    workload: Work
    varied: tuple[Varied, ...]
    settings: tuple[str, ...] = ()
    timing_only: bool = False
    epochs: int | None = None
    steps: int | None = None
    seeds: tuple[int, ...] = ()
    data: Path | None = None
    quantisers_every: int | None = None
    track: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of what varies, as columns have them."""
        return tuple(one.name for one in self.varied)

    def points(self) -> Iterator[Point]:
        """The whole grid: the last field varies fastest, and seeds faster still."""
        for values in itertools.product(*(one.values for one in self.varied)):
            for seed in self.seeds or (None,):
                yield Point(values, seed)

    @property
    def count(self) -> int:
        """Points of the grid."""
        total = max(1, len(self.seeds))
        for one in self.varied:
            total *= len(one.values)
        return total

    def has(self, point: Point) -> bool:
        """Whether it is a point of this grid."""
        pairs = zip(point.values, self.varied, strict=False)
        return len(point.values) == len(self.varied) and all(value in one.values for value, one in pairs)

    def files(self, point: Point) -> tuple[Hwconfig, Work]:
        """The two files of ``point``."""
        named = dict(zip(self.fields, point.values, strict=True))
        hwconfig = Path(named["hwconfig"]) if "hwconfig" in named else self.hwconfig
        return hwconfig, Path(named["workload"]) if "workload" in named else self.workload

    def varied_settings(self, point: Point) -> list[str]:
        """``path.to.field=value`` of all that varies."""
        pairs = zip(self.varied, point.values, strict=True)
        return [setting for one, value in pairs for setting in one.settings(value)]

    def all_settings(self, point: Point) -> list[str]:
        """Those that every point has, and on top of them its own."""
        return [*self.settings, *self.varied_settings(point)]

    def key(self, point: Point) -> str:
        """Stands for the point among those of this sweep, in whatever order fields and values are given."""
        pairs = zip(self.varied, point.values, strict=True)
        described = {one.name: value if one.is_file else known_value(value) for one, value in pairs}
        text = json.dumps({"point": described, "seed": point.seed}, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def label(self, point: Point) -> str:
        """``mac_array.rows=16, dram.channels=2``."""
        return ", ".join(f"{name}={value}" for name, value in zip(self.fields, point.values, strict=True))

    def command(self, point: Point) -> str:
        """The command line that simulates the point alone; empty where a file was given as an object."""
        hwconfig, workload = self.files(point)
        if not isinstance(hwconfig, Path) or not isinstance(workload, Path):
            return ""
        words = ["accelsim", "simulate", str(hwconfig), str(workload)]
        for setting in self.all_settings(point):
            words += ["--set", setting]
        options = {"epochs": self.epochs, "steps": self.steps, "seed": point.seed, "data": self.data}
        for name, value in options.items():
            words += [] if value is None else [f"--{name}", str(value)]
        return shlex.join(words + (["--timing-only"] if self.timing_only else []))


def belongs_to_workload(one: Varied) -> bool:
    """Whether what varies is the workload, or a field of it.

    Raises:
        UserError: neither file has such a field.
    """
    return one.name == "workload" or any(sorted_settings([f"{field}=0"])[1] for field in one.fields if not one.is_file)


def described(value: Any) -> str:
    """A file as the user named it, an object by its name."""
    return str(getattr(value, "name", "")) if not isinstance(value, Path) else str(value)
