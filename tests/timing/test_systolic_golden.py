"""The closed forms against every recorded layer of SCALE-Sim 3.0.0."""

import csv
import math
from pathlib import Path

import pytest

from accelsim.hardware import Dataflow, MacArray
from accelsim.program import Gemm
from accelsim.timing import product_cost

FILES = sorted((Path(__file__).parents[1] / "golden" / "scalesim").glob("*.csv"))


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def cost_of(row):
    array = MacArray(rows=int(row["R"]), columns=int(row["C"]), operand="int8", dataflow=Dataflow(row["dataflow"]))
    return product_cost(Gemm(int(row["M"]), int(row["K"]), int(row["N"])), array)


def test_all_results_are_here():
    assert len(FILES) == 21
    assert sum(len(rows(path)) for path in FILES) == 9 * 6 + 9 * 12 + 3 * 21


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
class TestEachFile:
    def test_cycles(self, path):
        """SCALE-Sim counts from 0 and reports the last cycle's index."""
        without_stalls = [row for row in rows(path) if int(row["stall_cycles"]) == 0]
        assert without_stalls
        for row in without_stalls:
            assert cost_of(row).cycles == int(row["total_cycles"]) + 1, row

    def test_mapping_efficiency(self, path):
        for row in rows(path):
            assert math.isclose(100 * cost_of(row).mapping_efficiency, float(row["mapping_eff"]), abs_tol=1e-4), row

    def test_sram_reads(self, path):
        for row in rows(path):
            cost = cost_of(row)
            assert cost.left_read_words == int(row["ifmap_sram_reads"]), row
            assert cost.right_read_words == int(row["filter_sram_reads"]), row

    def test_sram_writes(self, path):
        """Output stationary: SCALE-Sim counts rows + columns words too many in each fold; m x n are written."""
        for row in rows(path):
            cost = cost_of(row)
            surplus = cost.folds * (int(row["R"]) + int(row["C"])) if row["dataflow"] == "os" else 0
            assert cost.output_write_words + surplus == int(row["ofmap_sram_writes"]), row
