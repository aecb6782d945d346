"""Table and page of a sweep on disk."""

from __future__ import annotations

from pathlib import Path

from accelsim.atomic import write_atomically
from accelsim.reports.sweep import metric_of, sweep_page
from accelsim.reports.tables import to_csv, to_parquet
from accelsim.studies.sweep.folder import CSV_FILE, PAGE_FILE, PARQUET_FILE
from accelsim.studies.sweep.result import Sweep, X, Y


def save_sweep(sweep: Sweep, folder: Path) -> None:
    """Write the table twice and the page, where any point has figures.

    Raises:
        UserError: the folder can't be written.
    """
    write_atomically(folder / CSV_FILE, to_csv(sweep.table))
    write_atomically(folder / PARQUET_FILE, to_parquet(sweep.table))
    if len(sweep.data.points):
        x, y = (metric_of(axis, sweep.data.points) for axis in (X, Y))
        write_atomically(folder / PAGE_FILE, sweep_page(sweep.data, x, y))
