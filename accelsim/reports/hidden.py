"""How much of the weight-gradient products' time is hidden: one table for terminal and page."""

from __future__ import annotations

import math

from accelsim.reports.figures.selection import weight_gradient_products
from accelsim.reports.result import Result
from accelsim.reports.step_table import Grid, StepTable
from accelsim.reports.units import MISSING, human_count, human_percent

HEADER = ["Weight-gradient products", "Cycles", "Share", "Meaning"]
_HIDDEN = "the rest of their cycles alone"
_HELD_UP = "below 0: others wait for their array or DRAM, too"
_ALL_SHOWN = "below 0: nothing runs beside them, and waits for their first and last tiles show, too"
_DATA_PATH, _WEIGHT_PATH = "layer_gradient_data_path", "layer_gradient_weight_path"


def hidden_note(result: Result) -> str:
    """Why these products can hide; where the machine keeps a wider copy of the layer gradient, that they read it."""
    readers = ", the readers of the wider copy of the layer gradient," if _has_wider_copy(result) else ""
    return f"Nothing in the backward pass waits for these products{readers} so they can run beside it."


def _has_wider_copy(result: Result) -> bool:
    """Whether the gradient that weight-gradient products read has more bits than the one on the serial path."""
    bits = result.dtypes.groupby("role")["bits"].max()
    return bool(bits.get(_WEIGHT_PATH, 0) > bits.get(_DATA_PATH, math.inf))


def hidden_rows(result: Result) -> list[list[str]]:
    """Readable rows; empty when the step has no such products or they weren't measured."""
    products = weight_gradient_products(result.operations)
    names = ("held", "alone", "extension")
    held, alone, longer = (result.summary.get(f"weight_product_{name}_cycles") for name in names)
    if products.empty or not held or not alone or longer is None:
        return []
    beside, on_path = int(products["beside_serial_path_cycles"].sum()), int(products["path_cycles"].sum())
    least, median = float(products["slack_cycles"].min()), float(products["slack_cycles"].median())
    shown = _HELD_UP if beside else _ALL_SHOWN
    return [
        _row("Holding an array", held, held, "all products together"),
        _row("Beside the serial path", beside, held, "while forward or data gradient ran too"),
        _row("On the critical path", on_path, held, "of the step as it ran"),
        _row("Alone", alone, alone, "their array busy, or DRAM where that is more"),
        _row("Exposed", longer, alone, "step − step in which they take no time"),
        _row("Hidden", alone - longer, alone, _HIDDEN if longer <= alone else shown),
        ["Least slack", human_count(least), MISSING, "how much later any one can end at no cost"],
        ["Median slack", human_count(median), MISSING, "half of them can end that much later"],
    ]


def _row(title: str, cycles: int, whole_cycles: int, meaning: str) -> list[str]:
    return [title, human_count(cycles), human_percent(cycles / whole_cycles), meaning]


HIDDEN = StepTable(
    "Weight-gradient products: hidden", hidden_note, lambda result: Grid(HEADER, hidden_rows(result), (1, 2))
)
