"""What a simulation leaves: a summary and tidy tables. Data alone; what shows them is above."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from accelsim.reports.schema import MAPPING, MEMORIES, OPERATIONS, QUANTISERS, ROOFLINE, SPEED, TRAFFIC
from accelsim.reports.spread import Seeds
from accelsim.reports.tables import from_csv

Summary = dict[str, Any]
"""Figures by name, units in the names; None where a run did not produce one."""


def _empty(columns: list[str]) -> pd.DataFrame:
    return from_csv(",".join(columns).encode())


@dataclass(frozen=True)
class Result:
    """One accelerator on one workload.

    ``layers``: one row per operation of a training step. ``metrics``: one row per logged training step,
    empty when only timing ran. ``dtypes``: one row per tensor of the step. ``model_size``: one row per
    class of stored tensor. ``quantisers``: one row per quantised tensor of each step that was recorded: scale, what
    saturated, what became zero, and the ratio of signal to noise; empty when only timing ran. ``speed``: samples
    a second of this computer, one row per logged training step. ``operations``: one row per operation, with its slack,
    its part in the critical path and how near it comes to its roof. ``mapping``: one row per run of equal products,
    with its tile. ``traffic``: DRAM bytes by phase and class of tensor. ``memories``: one row per on-chip memory.
    ``roofline``: one row per phase, and one for the step, against the limits of units and DRAM.
    ``trace``: the step as a packed Chrome trace. ``seeds``: where figures and metrics are means over several seeds,
    which ones, and the spread. ``runs_as``: the hwconfig of a machine with less, where the step ran on what that has.
    """

    hwconfig: dict[str, Any]
    workload: dict[str, Any]
    summary: Summary
    layers: pd.DataFrame
    metrics: pd.DataFrame
    dtypes: pd.DataFrame
    model_size: pd.DataFrame
    versions: dict[str, str] = field(default_factory=dict)
    quantisers: pd.DataFrame = field(default_factory=lambda: _empty(QUANTISERS))
    speed: pd.DataFrame = field(default_factory=lambda: _empty(SPEED))
    operations: pd.DataFrame = field(default_factory=lambda: _empty(OPERATIONS))
    mapping: pd.DataFrame = field(default_factory=lambda: _empty(MAPPING))
    traffic: pd.DataFrame = field(default_factory=lambda: _empty(TRAFFIC))
    memories: pd.DataFrame = field(default_factory=lambda: _empty(MEMORIES))
    roofline: pd.DataFrame = field(default_factory=lambda: _empty(ROOFLINE))
    trace: bytes = b""
    seeds: Seeds | None = None
    runs_as: dict[str, Any] | None = None

    @property
    def name(self) -> str:
        return f"{self.hwconfig['name']} / {self.workload['name']}"
