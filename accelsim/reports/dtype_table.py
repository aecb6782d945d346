"""The table of tensors and number formats for the terminal."""

from __future__ import annotations

import pandas as pd
from rich.table import Table
from rich.text import Text

from accelsim.reports.columns import fitting
from accelsim.reports.dtype_rows import DTYPE_HEADER, DTYPE_NUMERIC, dtype_frame, dtype_rows
from accelsim.reports.result import Result

_PRIORITY = (
    "tensor",
    "format",
    "role",
    "scale",
    "rounding",
    "shape",
    "bytes",
    "lives_in",
    "phase",
    "arithmetic",
    "layer",
)
"""Which columns stay where room is short; shape and format tell elements and bits."""
_ALWAYS = 2
"""How many of them stay however narrow the terminal is."""
_WHOLE = frozenset({"bytes", "lives_in", "shape"})
_SHORT = (
    ("largest magnitude", "max"),
    ("own max this step", "own max"),
    ("max of the last", "max of"),
    ("running average of maxs", "running max"),
    ("maximum", "max"),
    (" / largest code", ""),
    (", per tensor", ""),
    ("power of two", "2^k"),
    ("none (index)", "none"),
    ("product of the operands' scales", "product"),
    ("none (floating point)", "none"),
    ("31-bit mantissa and shift", "fixed point"),
    (", after every operation", ""),
    ("from the host", "host"),
    ("kept between steps", "kept"),
    (" random bits", " bits"),
    ("floating point", "float"),
)
"""Long names of scales and roundings, and the short ones that the terminal has room for."""
_LEGEND = (
    ("max", "max: largest magnitude, of the whole tensor unless it says otherwise; the scale is max / largest code."),
    (" steps", "steps: the last ones."),
    ("product", "product: of the operands' scales."),
)


def dtype_table(source: Result | pd.DataFrame, layer: str | None = None, console_width: int = 160) -> Table:
    """Format, scale, rounding and place of every tensor of a run, or of those of one layer; or of given rows.

    Columns that ``console_width`` has no room for are left out, and the caption says so.

    Raises:
        UserError: there is no such layer.
    """
    frame = dtype_frame(source, layer) if isinstance(source, Result) else source
    cells = _columns(frame, layer)
    widths = fitting(cells, console_width, least=_ALWAYS, whole=_WHOLE)
    table = Table(title=Text(f"Number formats{f' of {layer}' if layer else ''}"), title_justify="left")
    table.caption, table.caption_justify = _caption(frame, layer, cells, len(widths) < len(cells)), "left"
    kept = [name for name in DTYPE_HEADER if name in widths]
    for name in kept:
        right = name in DTYPE_NUMERIC
        table.add_column(DTYPE_HEADER[name], justify="right" if right else "left", overflow="fold", width=widths[name])
    for row in zip(*(cells[name][1:] for name in kept), strict=True):
        table.add_row(*(Text(text) for text in row))
    return table


def _columns(frame: pd.DataFrame, layer: str | None) -> dict[str, list[str]]:
    """Titles and short cells by column, those that matter most first."""
    rows = [dict(zip(DTYPE_HEADER, row, strict=True)) for row in dtype_rows(frame)]
    names = [name for name in _PRIORITY if not (layer and name == "layer")]
    return {name: [DTYPE_HEADER[name], *(_short(name, row[name], layer) for row in rows)] for name in names}


def _short(column: str, text: str, layer: str | None) -> str:
    if column == "tensor":
        return text.removeprefix(f"{layer}.").replace(".", ".\n")
    if column in ("phase", "lives_in"):
        return text.replace("_", " ")
    if column == "arithmetic":
        text = text.partition(",")[0]
    if column in ("scale", "rounding", "arithmetic"):
        for long, short in _SHORT:
            text = text.replace(long, short)
    return text


def _caption(frame: pd.DataFrame, layer: str | None, cells: dict[str, list[str]], narrow: bool) -> str:
    others = layer and not all(f"{name}.".startswith(f"{layer}.") for name in frame["layer"])
    parts = ["Tensors with another layer's name are what this one reads of it."] if others else []
    parts += [meaning for word, meaning in _LEGEND if any(word in text for text in cells["scale"])]
    if any("," in str(text) for text in frame["arithmetic"]):
        parts.append("Floating-point arithmetic is by choice of the hwconfig.")
    if narrow:
        parts.append("Columns that this terminal is too narrow for are in dtypes.csv of a run, and in --json.")
    return " ".join(parts)
