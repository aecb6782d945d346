"""A Result's tables as bytes, and back."""

from __future__ import annotations

import io

import pandas as pd

from accelsim.reports.schema import TABLES, TEXT


def to_csv(frame: pd.DataFrame) -> bytes:
    """CSV without an index; floats in the shortest form that reads back exactly."""
    return frame.to_csv(index=False, lineterminator="\n").encode("utf-8")


def to_parquet(frame: pd.DataFrame) -> bytes:
    """Parquet with the column types."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False, engine="pyarrow")
    return buffer.getvalue()


def from_csv(data: bytes) -> pd.DataFrame:
    """Read what ``to_csv`` wrote; an empty cell is missing in a column of numbers, empty in one of text."""
    columns = [str(name) for name in pd.read_csv(io.BytesIO(data), nrows=0).columns]
    frame = pd.read_csv(
        io.BytesIO(data),
        dtype={name: str for name in columns if name in TEXT},
        keep_default_na=False,
        na_values={name: [""] for name in columns if name not in TEXT},
        float_precision="round_trip",
    )
    return frame if len(frame) else pd.DataFrame(columns=columns)


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
