"""The folder of a sweep: ``sweep.json`` says what was asked, ``points/`` holds a small file of each finished point."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from accelsim.atomic import write_atomically
from accelsim.errors import UserError
from accelsim.reports.plain import from_json, to_json
from accelsim.reports.run_folder import SUMMARY_FILE
from accelsim.simulation.folder import CHECKPOINT_FILE
from accelsim.studies.sweep.asked import Asked, Point
from accelsim.studies.sweep.delete import delete_points, is_of_point
from accelsim.studies.sweep.record import check_same, read_record, record_of
from accelsim.studies.sweep.runner import Outcome

ASKED_FILE = "sweep.json"
POINTS = "points"
CSV_FILE, PARQUET_FILE, PAGE_FILE = "sweep.csv", "sweep.parquet", "report.html"
RESULT_FILES = (CSV_FILE, PARQUET_FILE, PAGE_FILE)


def open_folder(
    folder: Path, asked: Asked, *, resume: bool, force: bool, search: Mapping[str, Any] | None = None
) -> None:
    """Make ``folder`` ready for the sweep, or find that it holds this very sweep, perhaps with fewer values.

    ``search`` says how points are chosen, where not all of the grid are run: ``trials``, ``minimise``, ``maximise``.

    Raises:
        UserError: it holds a sweep and neither ``resume`` nor ``force``, or another sweep, or none to resume; or
            something else that the sweep would destroy.
    """
    path, now = folder / ASKED_FILE, {**record_of(asked), "search": dict(search) if search else None}
    now = dict(json.loads(json.dumps(now)))
    if resume:
        if not path.exists():
            raise UserError(f"{folder}: there is no sweep to resume (no {ASKED_FILE}); leave --resume out")
        check_same(folder, read_record(path), now)
    else:
        _check_free(folder, force=force)
        if path.exists():
            read_record(path)
            delete_points(folder / POINTS)
    with contextlib.suppress(OSError):
        (folder / POINTS).mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(now, indent=2, ensure_ascii=False) + "\n")


def _check_free(folder: Path, *, force: bool) -> None:
    """Refuse a folder with something that a new sweep would destroy, or take for its own.

    Raises:
        UserError: naming what it holds.
    """
    other = next((name for name in (SUMMARY_FILE, CHECKPOINT_FILE) if (folder / name).exists()), None)
    if other:
        raise UserError(f"{folder}: holds a run ({other}), which no sweep may overwrite; give another --out")
    points = folder / POINTS
    if (folder / ASKED_FILE).exists():
        if not force:
            raise UserError(f"{folder}: holds a sweep already; --resume goes on with it, --force overwrites it")
    elif points.exists() and not points.is_dir():
        raise UserError(f"{points}: is no folder, and the points of the sweep go there; give another --out")
    elif lost := next(filter(is_of_point, points.iterdir()), None) if points.exists() else None:
        raise UserError(
            f"{lost}: looks like a point of a sweep, and {folder} has no {ASKED_FILE} that tells of which; "
            f"move {POINTS}/ away, or give another --out"
        )
    elif not force:
        names = [*RESULT_FILES, *([POINTS] if points.exists() and any(points.iterdir()) else [])]
        if found := next((name for name in names if (folder / name).exists()), None):
            kept = "leaves what is in it and writes beside it" if found == POINTS else "overwrites it"
            raise UserError(f"{folder}: holds {found} already, of something else; --force {kept}")


def keep_outcome(folder: Path | None, name: str, point: Point, outcome: Outcome) -> None:
    """Write what ``point`` gave, whole or not at all."""
    if folder is not None:
        refused = "failed" in outcome
        figures = outcome if refused else {**outcome["summary"], "machine": outcome["hwconfig"]}
        write_atomically(folder / POINTS / f"{name}.json", to_json({**figures, "values": point.values}))


def kept_outcome(folder: Path | None, name: str) -> Outcome | None:
    """What ``keep_outcome`` wrote, or None where it was a refusal, or can't be read: such points are run anew."""
    path = folder and folder / POINTS / f"{name}.json"
    if not path or not path.exists():
        return None
    try:
        found = from_json(path.read_text(encoding="utf-8"))
        found.pop("values", None)
        return {"hwconfig": found.pop("machine"), "summary": found}
    except (OSError, ValueError, KeyError):
        return None


def kept_refusal(folder: Path | None, name: str) -> Outcome | None:
    """Why a point was refused before, or None where that isn't known."""
    path = folder and folder / POINTS / f"{name}.json"
    if not path or not path.exists():
        return None
    try:
        return {"failed": str(from_json(path.read_text(encoding="utf-8"))["failed"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def was_run(folder: Path | None, name: str) -> bool:
    """Whether ``keep_outcome`` wrote anything, a refusal too."""
    return folder is not None and (folder / POINTS / f"{name}.json").exists()


def kept_points(folder: Path | None, asked: Asked) -> Iterable[Point]:
    """Points without a seed of their own that ``folder`` has an outcome of, by their files' names."""
    for path in sorted((folder / POINTS).glob("*.json")) if folder else ():
        try:
            values = from_json(path.read_text(encoding="utf-8"))["values"]
            point = Point(tuple(values))
            if path.stem == asked.key(point):
                yield point
        except (OSError, ValueError, KeyError):
            continue
