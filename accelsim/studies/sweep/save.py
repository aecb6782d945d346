"""Table and page of a sweep on disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from accelsim.atomic import write_atomically
from accelsim.reports.sweep import sweep_page
from accelsim.reports.tables import to_csv, to_parquet
from accelsim.studies.sweep.folder import CSV_FILE, PAGE_FILE, PARQUET_FILE
from accelsim.studies.sweep.result import Sweep


def save_sweep(sweep: Sweep, folder: Path) -> None:
    """Write the table twice and the page, where any point has figures.

    Raises:
        UserError: the folder can't be written.
    """
    write_atomically(folder / CSV_FILE, to_csv(sweep.table))
    write_atomically(folder / PARQUET_FILE, to_parquet(sweep.table))
    data = sweep.data
    if len(data.points):
        if any(axis not in data.points for axis in data.axes):  # asked for, and no run of this kind has it
            data = replace(data, asked_axes=None)
        write_atomically(folder / PAGE_FILE, sweep_page(data))
