"""A precision study on disk: tables, page, and the files that it was made from."""

from __future__ import annotations

from pathlib import Path

from accelsim.atomic import write_atomically
from accelsim.errors import UserError
from accelsim.reports.plain import to_json, to_yaml
from accelsim.reports.precision.page import precision_page
from accelsim.reports.precision.result import PrecisionResult
from accelsim.reports.tables import to_csv, to_parquet

SUMMARY_FILE = "summary.json"
"""Written last: a folder that has it has all the others; ``complete`` says whether the training came to its end."""
FILES = (
    "hwconfig.yaml",
    "workload.yaml",
    "precision.csv",
    "precision.parquet",
    "bits_needed.csv",
    "histograms.csv",
    "metrics.csv",
    "versions.json",
    "report.html",
    SUMMARY_FILE,
)


def save_precision(result: PrecisionResult, folder: Path) -> None:
    """Write ``result`` into ``folder``, which is there.

    Raises:
        UserError: it can't be written.
    """
    try:
        (folder / SUMMARY_FILE).unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written: {error.strerror or error}") from error
    contents: dict[str, bytes | str] = {
        "hwconfig.yaml": to_yaml(result.hwconfig),
        "workload.yaml": to_yaml(result.workload),
        "precision.csv": to_csv(result.precision),
        "precision.parquet": to_parquet(result.precision),
        "bits_needed.csv": to_csv(result.bits_needed.astype({"bits_needed": "Int64", "spare_bits": "Int64"})),
        "histograms.csv": to_csv(result.histograms),
        "metrics.csv": to_csv(result.metrics),
        "versions.json": to_json(result.versions),
        "report.html": precision_page(result),
        SUMMARY_FILE: to_json(result.summary),
    }
    for name in FILES:
        write_atomically(folder / name, contents[name])
