"""The report: a table for each machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from validation_parts.left_out import LEFT_OUT
from validation_parts.rows import Row
from validation_parts.scalesim import Match

HEAD = """# The model against published figures

`make validation` writes this page: what the timing and energy models say of machines that others built or modelled,
with the hwconfigs as shipped. **Nothing was tuned**: no constant of the model or of a hwconfig was set to meet a figure
here, and figures that miss stay. Most published figures are recalled from their papers and were not read again, so a
small deviation proves little, and a large one may be the recollection's.

The work is inference, as that is what was published: layers traced by the same code that trains, with weights stored
in the format of the products, batch norm folded away, scales known ahead (`numerics.activation.scale=delayed`), and
only products timed, as every chip fuses the rest in its own way. Biases are left out. Eyeriss has its own 16-bit sums
(`mac_array.accumulators.forward=int16`); NVDLA's spreadsheet names its memories, which the rows of it have, too.

![modelled over published](deviation.svg)

"""

OMITTED = """## Published, and not above

Every other figure of a machine's speed, power or area that was collected:

"""

TAIL = """
## Array cycles against SCALE-Sim 3.0.0

{matched} of {rows} recorded layers (ResNet-18, six convolutions, twelve matrix products; three dataflows, arrays from
8 x 8 to 128 x 128) have the same cycles without stalls, SRAM reads and mapping efficiency, after adding one to
SCALE-Sim's cycles, which are the index of the last one; {mismatches} differ. `tests/timing/test_systolic_golden.py`
holds them to it. That checks the closed forms with serial folds and full edges against another model, not against
hardware.

## DRAM against DRAMsim3

`docs/memory.md` has it: 22 figures, also of a model.

## What this doesn't show

- **Training.** No published machine here trains, so backward passes and updates have no counterpart.
- **Silicon.** Eyeriss and TPU v1 are chips that were measured. NVDLA's figures are its vendor's estimates; where
  Gemmini's comes from was not read again.
- **Energy.** Three chips' figures, all with registers, clock and wires, which the model leaves out: it has a part of
  a chip's energy, and how large a part differs.
- **What stands in for what.** `hwconfigs/` says of every figure how sure it is, and what of a machine is not modelled.
"""


def page(tables: Mapping[str, Sequence[Row]], match: Match) -> str:
    """The whole report as Markdown."""
    parts = [HEAD]
    for title, rows in tables.items():
        parts += [f"## {title}\n\n", table(rows), "\n"]
    return (
        "".join(parts)
        + OMITTED
        + left_out()
        + TAIL.format(rows=match.rows, matched=match.rows - match.mismatches, mismatches=match.mismatches)
    )


def table(rows: Sequence[Row]) -> str:
    """Markdown, one line a row."""
    lines = ["| figure | published | model | off by | why |", "|---|---|---|---|---|"]
    lines += [
        f"| {row.title} | {figure(row.published.value)} {row.published.unit} ({row.published.provenance}: "
        f"{row.published.source}) | {figure(row.ours)} {row.published.unit} | {deviation(row)} | {row.why} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def left_out() -> str:
    """Markdown, one line for what has no row."""
    return "\n".join(["| figures | why not |", "|---|---|", *(f"| {what} | {why} |" for what, why in LEFT_OUT), ""])


def figure(value: float) -> str:
    """Three or four significant digits, without an exponent."""
    if value == 0:
        return "0"
    return f"{value:.4f}" if abs(value) < 0.1 else f"{value:.2f}" if abs(value) < 10 else f"{value:,.1f}"


def deviation(row: Row) -> str:
    """In percent, with its sign."""
    return "-" if row.deviation is None else f"{round(100 * row.deviation, 1) + 0.0:+.1f} %"
