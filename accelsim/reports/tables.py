"""A Result's tables as bytes, and back."""

from __future__ import annotations

import io
import math

import pandas as pd

from accelsim.reports.schema import TABLES, TEXT, WHOLE


def to_csv(frame: pd.DataFrame) -> bytes:
    """CSV without an index; floats in the shortest form that reads back exactly."""
    return frame.to_csv(index=False, lineterminator="\n").encode("utf-8")


def to_parquet(frame: pd.DataFrame) -> bytes:
    """Parquet with the column types."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False, engine="pyarrow")
    return buffer.getvalue()


def from_csv(data: bytes) -> pd.DataFrame:
    """Read what ``to_csv`` wrote; an empty cell is missing in a column of numbers, empty in one of text.

    Raises:
        ValueError: it isn't a CSV file, or a cell that should be a number isn't one.
    """
    raw = pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False)
    if raw.empty:
        return pd.DataFrame({name: pd.Series([], dtype=_empty_type(str(name))) for name in raw.columns})
    return pd.DataFrame({name: raw[name] if name in TEXT else _numbers(raw[name], str(name)) for name in raw.columns})


def from_parquet(data: bytes) -> pd.DataFrame:
    """Read what ``to_parquet`` wrote."""
    return pd.read_parquet(io.BytesIO(data), engine="pyarrow")


def check_columns(table: str, frame: pd.DataFrame) -> None:
    """Refuse a table that lacks a column.

    Raises:
        ValueError: with the names of the missing columns.
    """
    missing = [name for name in TABLES[table] if name not in frame.columns]
    if missing:
        raise ValueError(f"it has no column {', '.join(missing)}; another version of accelsim may have written it")


def _empty_type(name: str) -> type:
    """Type of a column that has no cell to tell it."""
    if name in TEXT:
        return str
    return int if name in WHOLE else float


def _numbers(cells: pd.Series[str], name: str) -> pd.Series[float] | pd.Series[int]:
    """Whole numbers where every cell is one, else floats, read to the last bit."""
    try:
        return pd.Series([int(cell) for cell in cells])
    except ValueError:
        pass
    try:
        return pd.Series([float(cell) if cell else math.nan for cell in cells])
    except ValueError as error:
        raise ValueError(f"column {name}: {error}") from error
