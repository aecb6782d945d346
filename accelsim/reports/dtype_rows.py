"""The table of tensors and number formats: one selection for terminal and page."""

from __future__ import annotations

import pandas as pd

from accelsim.errors import UserError, nearest
from accelsim.reports.result import Result
from accelsim.reports.units import human_bytes

DTYPE_HEADER = {
    "tensor": "Tensor",
    "role": "Role",
    "layer": "Layer",
    "phase": "Phase",
    "shape": "Shape",
    "format": "Format",
    "bits": "Bits",
    "elements": "Elements",
    "bytes": "Size",
    "scale": "Scale",
    "rounding": "Rounding",
    "lives_in": "Lives in",
    "arithmetic": "Arithmetic",
}
"""Titles by column, in reading order."""
DTYPE_NUMERIC = ("bits", "elements", "bytes")
DTYPE_WORDS = ("tensor", "role", "layer", "phase", "scale", "rounding", "lives_in", "arithmetic")
"""Columns of names and words that may go over lines."""


def dtype_frame(source: Result | pd.DataFrame, layer: str | None = None) -> pd.DataFrame:
    """The dtype table, of one layer and those within it (``attention.query``) when ``layer`` names it.

    Raises:
        UserError: there is no such layer; the message names the nearest.
    """
    frame = source.dtypes if isinstance(source, Result) else source
    if layer is None:
        return frame
    names = sorted({str(name) for name in frame["layer"] if name})
    if layer not in names:
        raise UserError(f"no layer {layer!r}{nearest(layer, names)}; layers: {', '.join(names) or 'none'}")
    return frame[(frame["layer"] == layer) | frame["layer"].str.startswith(f"{layer}.", na=False)]


def dtype_rows(frame: pd.DataFrame) -> list[list[str]]:
    """Readable rows in the order of ``DTYPE_HEADER``."""
    columns = [[_shown(name, value) for value in frame[name].tolist()] for name in DTYPE_HEADER]
    return [list(row) for row in zip(*columns, strict=True)]


def _shown(column: str, value: object) -> str:
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return ""
    return (
        human_bytes(float(str(value)))
        if column == "bytes"
        else str(value).replace("_", " ")
        if column == "role"
        else str(value)
    )
