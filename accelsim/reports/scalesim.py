"""SCALE-Sim's three report files (names, columns and layout of version 3.0.0) of a timed Program.

One row for each operation of the MAC array, numbered from 0. What differs from SCALE-Sim:

- cycles are counts, where SCALE-Sim gives the index of the last cycle, one less;
- ``Total Cycles`` is the array's work without stalls. ``Total Cycles (incl. prefetch)`` runs from the first fetch to
  the last store, and ``Stall Cycles`` is the difference, less what was fetched before the array was free: waiting for
  DRAM and buffer ports, first fetch and last store included. SCALE-Sim's stalls, in its USER mode, are part of its
  total, and its prefetch is not among them;
- ``Compute Util %`` is ``Overall Util %``: SCALE-Sim counts the skew of the columns a second time in ws and is;
- ``SRAM OFMAP Writes`` of os are the results, where SCALE-Sim counts rows + columns words more in each fold;
- DRAM figures follow from the tiling and the buffers of the hwconfig, and are those of DRAM alone: what a level gives
  or takes isn't in them. IFMAP and Filter are the two operands, without biases and what streams in for the drain; OFMAP
  is all that is stored. Start and stop cycles are those of the layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from accelsim.atomic import write_atomically
from accelsim.errors import UserError
from accelsim.hardware import HardwareConfig
from accelsim.program import Operation, Program
from accelsim.timing import OperationTiming, ProductCost, Timeline, passes, product_cost
from accelsim.timing.analysis.dram_traffic import Transfer, dram_transfers
from accelsim.timing.mapping.operands import product_operands

REPORTS = ("COMPUTE_REPORT.csv", "BANDWIDTH_REPORT.csv", "DETAILED_ACCESS_REPORT.csv")
"""Names of the three files."""

COMPUTE = (
    "Total Cycles (incl. prefetch)",
    "Total Cycles",
    "Stall Cycles",
    "Overall Util %",
    "Mapping Efficiency %",
    "Compute Util %",
)
OPERANDS = ("IFMAP", "FILTER", "OFMAP")
BANDWIDTH = tuple(f"Avg {operand} {memory} BW" for memory in ("SRAM", "DRAM") for operand in OPERANDS)
ACCESSES = tuple(
    f"{memory} {operand} {figure}"
    for memory in ("SRAM", "DRAM")
    for operand, moved in (("IFMAP", "Reads"), ("Filter", "Reads"), ("OFMAP", "Writes"))
    for figure in ("Start Cycle", "Stop Cycle", moved)
)


def write_scalesim_reports(program: Program, timeline: Timeline, hw: HardwareConfig, folder: Path) -> None:
    """Write the three ``REPORTS`` into ``folder``.

    Raises:
        UserError: the folder can't be made or written.
    """
    each = zip(program.operations, timeline.operations, dram_transfers(program, timeline, hw), strict=True)
    rows = [_Row(program, *found, hw) for found in each if found[0].gemms]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot take SCALE-Sim's reports: {error.strerror or error}") from error
    tables = (
        _table(COMPUTE, [row.compute for row in rows]),
        _table(BANDWIDTH, [row.bandwidth for row in rows]),
        _table(ACCESSES, [row.accesses for row in rows]),
    )
    for name, table in zip(REPORTS, tables, strict=True):
        write_atomically(folder / name, table)


def _table(columns: tuple[str, ...], rows: list[tuple[float, ...]]) -> str:
    """SCALE-Sim's layout: a space after each comma, and a comma at the end."""
    lines = [("LayerID", *columns), *((number, *row) for number, row in enumerate(rows))]
    return "".join(f"{', '.join(map(str, line))},\n" for line in lines)


@dataclass(frozen=True)
class _Row:
    """One operation of the array."""

    program: Program
    operation: Operation
    timing: OperationTiming
    transfers: Sequence[Transfer]
    hw: HardwareConfig

    @property
    def compute(self) -> tuple[float, ...]:
        array, timing = self.hw.mac_array, self.timing
        places = array.places // array.products_at_once
        utilisation = 100 * self.operation.macs / (timing.compute_cycles * places)
        folds = sum(times * cost.folds for cost, times in self.costs)
        mapped = sum(100 * cost.mapping_efficiency * times * cost.folds for cost, times in self.costs) / folds
        return self.all_cycles, timing.compute_cycles, timing.stall_cycles, utilisation, mapped, utilisation

    @property
    def bandwidth(self) -> tuple[float, ...]:
        sram = [words / self.timing.compute_cycles for words in self.sram_words]
        return *sram, *(words / self.all_cycles for words in self.dram_words)

    @property
    def accesses(self) -> tuple[float, ...]:
        words = (*self.sram_words, *self.dram_words)
        return tuple(figure for moved in words for figure in (0, self.all_cycles - 1, moved))

    @property
    def all_cycles(self) -> int:
        """From the first fetch to the last store."""
        return self.timing.end_cycle - self.timing.fetch_cycle

    @cached_property
    def costs(self) -> list[tuple[ProductCost, int]]:
        """Cost of each product, with how many equal ones there are."""
        return [(product_cost(gemm, self.hw.mac_array), gemm.count) for gemm in self.operation.gemms]

    @property
    def sram_words(self) -> tuple[int, ...]:
        """Words that the array reads and writes; each pass over a wide operand counts."""
        count = passes(self.program, self.operation, self.hw.mac_array)
        names = ("left_read_words", "right_read_words", "output_write_words")
        return tuple(count * sum(times * getattr(cost, name) for cost, times in self.costs) for name in names)

    @property
    def dram_words(self) -> tuple[int, ...]:
        operands = product_operands(self.program, self.operation)
        left, right = (sum(moved) for moved in zip(*(cut.dram_read_bytes for cut in self.timing.tiles), strict=True))
        stored = sum(self._words(each.tensor_index, each.write_bytes) for each in self.transfers)
        return self._words(operands.left.index, left), self._words(operands.right.index, right), stored

    def _words(self, tensor_index: int, moved_bytes: int) -> int:
        """Elements of a tensor in bytes of it that moved."""
        tensor = self.program.tensors[tensor_index]
        return tensor.elements * moved_bytes // tensor.bytes
