"""How much of the weight-gradient products' time is hidden: one table for terminal and page."""

from __future__ import annotations

from accelsim.reports.figures.selection import weight_gradient_products
from accelsim.reports.result import Result
from accelsim.reports.units import MISSING, human_count, human_percent

HIDDEN_HEADER = ["Weight-gradient products", "Cycles", "Share", "Meaning"]
HIDDEN_NUMERIC = range(1, 3)
HIDDEN_NOTE = (
    "Nothing in the backward pass waits for these products, the readers of the wider copy of the layer gradient, so "
    "they can run beside it."
)


def hidden_rows(result: Result) -> list[list[str]]:
    """Readable rows; empty when the step has no such products or they weren't measured."""
    products = weight_gradient_products(result.operations)
    names = ("held", "alone", "extension")
    held, alone, longer = (result.summary.get(f"weight_product_{name}_cycles") for name in names)
    if products.empty or not held or not alone or longer is None:
        return []
    beside, on_path = int(products["beside_serial_path_cycles"].sum()), int(products["path_cycles"].sum())
    least, median = float(products["slack_cycles"].min()), float(products["slack_cycles"].median())
    return [
        _row("Holding an array", held, held, "all products together"),
        _row("Beside the serial path", beside, held, "while forward or data gradient ran too"),
        _row("On the critical path", on_path, held, "of the step as it ran"),
        _row("Alone", alone, alone, "their work, or DRAM where that is more"),
        _row("Exposed", longer, alone, "step − step in which they take no time"),
        _row("Hidden", alone - longer, alone, "the rest of their cycles alone"),
        ["Least slack", human_count(least), MISSING, "how much later any one can end at no cost"],
        ["Median slack", human_count(median), MISSING, "half of them can end that much later"],
    ]


def _row(title: str, cycles: int, whole_cycles: int, meaning: str) -> list[str]:
    return [title, human_count(cycles), human_percent(cycles / whole_cycles), meaning]
