"""A Result on disk: one folder of plain files for each run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import yaml

from accelsim.atomic import write_atomically
from accelsim.errors import UserError
from accelsim.reports.notebook import NotebookResult
from accelsim.reports.page import run_page
from accelsim.reports.plain import from_json, to_json, to_yaml
from accelsim.reports.result import Result
from accelsim.reports.tables import check_columns, from_csv, from_parquet, to_csv, to_parquet

SUMMARY_FILE = "summary.json"
"""Written last: a folder that has it is a complete run."""

TRACE_FILE = "trace.json.gz"
"""The training step for Perfetto (ui.perfetto.dev) or Chrome (about:tracing)."""

RUNS_AS_FILE = "runs_as.yaml"
"""The machine with less hardware that the step ran as, where there is one."""

FILES = (
    "hwconfig.yaml",
    RUNS_AS_FILE,
    "workload.yaml",
    "layers.csv",
    "layers.parquet",
    "operations.csv",
    "mapping.csv",
    "traffic.csv",
    "memories.csv",
    "roofline.csv",
    "metrics.csv",
    "dtypes.csv",
    "model_size.csv",
    "quantisers.csv",
    "speed.csv",
    "versions.json",
    TRACE_FILE,
    "report.html",
    SUMMARY_FILE,
)
"""Names of all files that ``save`` writes."""

REQUIRED = ("hwconfig", "workload", "total_cycles", "time_per_step_s", "energy_per_step_pj", "model_size_bytes")
"""Figures that every summary has."""

OTHERS = {
    "precision.csv": "holds a study of precision",
    "sweep.json": "holds a sweep, whose runs are in its folder points",
    "seeds.csv": "holds a run for each seed, in folders of their own",
}
"""What a folder is that has a file of this name and no run."""
LARGEST_FIGURE = 2**1000
"""Whole numbers from here on are no figures of a run, and have no float."""

T = TypeVar("T")


def save(result: Result, folder: Path | str) -> Path:
    """Write ``result`` into ``folder``, made if need be; equal results give equal bytes.

    Raises:
        UserError: the folder can't be made or written.
    """
    folder = Path(folder)
    _prepare(folder)
    for name, content in _files(result).items():
        write_atomically(folder / name, content)
    return folder


def load(folder: Path | str) -> Result:
    """Read a folder that ``save`` wrote.

    Raises:
        UserError: no such folder, not a complete run, or a broken file; the message names it.
    """
    folder = Path(folder)
    _check_complete(folder)
    return NotebookResult(
        hwconfig=_read(folder / "hwconfig.yaml", _mapping),
        workload=_read(folder / "workload.yaml", _mapping),
        summary=load_summary(folder),
        layers=_read(folder / "layers.parquet", _table("layers", from_parquet)),
        metrics=_read(folder / "metrics.csv", _table("metrics", from_csv)),
        dtypes=_read(folder / "dtypes.csv", _table("dtypes", from_csv)),
        model_size=_read(folder / "model_size.csv", _table("model_size", from_csv)),
        versions=_read(folder / "versions.json", _json),
        quantisers=_read(folder / "quantisers.csv", _table("quantisers", from_csv)),
        operations=_read(folder / "operations.csv", _table("operations", from_csv)),
        mapping=_read(folder / "mapping.csv", _table("mapping", from_csv)),
        trace=_read(folder / TRACE_FILE, bytes) if (folder / TRACE_FILE).exists() else b"",
        seeds=None,
        runs_as=_read(folder / RUNS_AS_FILE, _mapping) if (folder / RUNS_AS_FILE).exists() else None,
        **_later(folder),
    )


def load_summary(folder: Path) -> dict[str, Any]:
    """The figures of a finished run alone.

    Raises:
        UserError: the file is missing or broken.
    """
    return _read(folder / SUMMARY_FILE, _summary)


def _later(folder: Path) -> dict[str, pd.DataFrame]:
    """Tables that runs from before them don't have."""
    found = {name: folder / f"{name}.csv" for name in ("speed", "traffic", "memories", "roofline")}
    return {name: _read(path, _table(name, from_csv)) for name, path in found.items() if path.exists()}


def _prepare(folder: Path) -> None:
    """Make the folder, and take away an earlier run's mark of completeness, and the machine that it ran as."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (SUMMARY_FILE, RUNS_AS_FILE):
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be used as a run folder: {error.strerror or error}") from error


def _files(result: Result) -> dict[str, bytes | str]:
    """File contents by name, in the order of writing."""
    return {
        "hwconfig.yaml": to_yaml(result.hwconfig),
        **({} if result.runs_as is None else {RUNS_AS_FILE: to_yaml(result.runs_as)}),
        "workload.yaml": to_yaml(result.workload),
        "layers.csv": to_csv(result.layers),
        "layers.parquet": to_parquet(result.layers),
        "operations.csv": to_csv(result.operations),
        "mapping.csv": to_csv(result.mapping),
        "traffic.csv": to_csv(result.traffic),
        "memories.csv": to_csv(result.memories),
        "roofline.csv": to_csv(result.roofline),
        "metrics.csv": to_csv(result.metrics),
        "dtypes.csv": to_csv(result.dtypes),
        "model_size.csv": to_csv(result.model_size),
        "quantisers.csv": to_csv(result.quantisers),
        "speed.csv": to_csv(result.speed),
        "versions.json": to_json(result.versions),
        **({TRACE_FILE: result.trace} if result.trace else {}),
        "report.html": run_page(result),
        SUMMARY_FILE: to_json(result.summary),
    }


def other_contents(folder: Path) -> str:
    """What stands in ``folder`` in place of a run, in words; an empty text where it has a run, or nothing tells."""
    if (folder / "layers.parquet").is_file():
        return ""
    return next((words for name, words in OTHERS.items() if (folder / name).is_file()), "")


def _check_complete(folder: Path) -> None:
    if not folder.is_dir():
        what = "is a file, not a run folder" if folder.exists() else "there is no such folder"
        raise UserError(f"{folder}: {what}")
    if found := other_contents(folder):
        raise UserError(f"{folder}: {found}, not a run")
    if not (folder / SUMMARY_FILE).is_file():
        resumable = any(folder.glob("checkpoint*"))
        hint = "; it has a checkpoint: go on with --resume" if resumable else ""
        raise UserError(f"{folder}: not a finished run, it has no {SUMMARY_FILE}{hint}")


def _read(path: Path, parse: Callable[[bytes], T]) -> T:
    try:
        return parse(path.read_bytes())
    except FileNotFoundError as error:
        raise UserError(f"{path}: missing; the run folder is incomplete, run the simulation again") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, yaml.YAMLError) as error:
        raise UserError(f"{path}: broken: {str(error).strip() or type(error).__name__}") from error


def _mapping(data: bytes) -> dict[str, Any]:
    found = yaml.safe_load(data.decode("utf-8"))
    if not isinstance(found, dict) or "name" not in found:
        raise ValueError("it should hold fields, name among them")
    return found


def _json(data: bytes) -> dict[str, Any]:
    return from_json(data.decode("utf-8"))


def _summary(data: bytes) -> dict[str, Any]:
    found = _json(data)
    missing = [key for key in REQUIRED if key not in found]
    if missing:
        raise ValueError(f"it lacks {', '.join(missing)}")
    for key, value in found.items():
        if not _SUMMARY_TEXTS.get(key, _is_figure)(value):
            raise ValueError(f"{key} is {str(value)[:40]!r}")
    return found


def _is_figure(value: Any) -> bool:
    """Whether it can be shown and compared: a number of ordinary size, or None."""
    return value is None or (isinstance(value, float) or (isinstance(value, int) and abs(value) < LARGEST_FIGURE))


def _is_text(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


_SUMMARY_TEXTS = {
    "hwconfig": _is_text,
    "workload": _is_text,
    "backend": _is_text,
    "runs_as": _is_text,
    "assumptions": _are_texts,
    "warnings": _are_texts,
}
"""Entries of a summary that are no figures, and what they must be."""


def _table(name: str, parse: Callable[[bytes], pd.DataFrame]) -> Callable[[bytes], pd.DataFrame]:
    def read(data: bytes) -> pd.DataFrame:
        frame = parse(data)
        check_columns(name, frame)
        return frame

    return read
