"""Recorded results of SCALE-Sim 3.0.0: how many rows the closed forms reproduce."""

from __future__ import annotations

import csv
from typing import NamedTuple

from accelsim.hardware import Dataflow, MacArray
from accelsim.program import Gemm
from accelsim.timing import product_cost
from validation_parts.forward import ROOT

GOLDEN = ROOT / "tests" / "golden" / "scalesim"


class Match(NamedTuple):
    """Rows compared, and how many of them differ."""

    rows: int
    mismatches: int


def match() -> Match:
    """Cycles, SRAM reads and mapping efficiency of every row; SCALE-Sim reports the index of the last cycle."""
    rows = mismatches = 0
    for path in sorted(GOLDEN.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                rows += 1
                mismatches += not _same(row)
    return Match(rows, mismatches)


def _same(row: dict[str, str]) -> bool:
    array = MacArray(rows=int(row["R"]), columns=int(row["C"]), operand="int8", dataflow=Dataflow(row["dataflow"]))
    cost = product_cost(Gemm(int(row["M"]), int(row["K"]), int(row["N"])), array)
    return (
        cost.cycles == int(row["total_cycles"]) - int(row["stall_cycles"]) + 1
        and cost.left_read_words == int(row["ifmap_sram_reads"])
        and cost.right_read_words == int(row["filter_sram_reads"])
        and abs(100 * cost.mapping_efficiency - float(row["mapping_eff"])) < 1e-4
    )
