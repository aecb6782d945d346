"""The folder of a sweep: ``sweep.json`` says what was asked, ``points/`` holds a small file of each finished point."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import accelsim
from accelsim.atomic import write_atomically
from accelsim.errors import UserError
from accelsim.reports.plain import from_json, plain, to_json
from accelsim.studies.sweep.asked import Asked, Point, described
from accelsim.studies.sweep.runner import Outcome
from accelsim.training.changes import changed_fields
from accelsim.yamlfile import read_marked

ASKED_FILE = "sweep.json"
POINTS = "points"
CSV_FILE, PARQUET_FILE, PAGE_FILE = "sweep.csv", "sweep.parquet", "report.html"
RESULT_FILES = (CSV_FILE, PARQUET_FILE, PAGE_FILE)


def open_folder(folder: Path, asked: Asked, *, resume: bool, force: bool) -> None:
    """Make ``folder`` ready for the sweep, or find that it holds this very sweep, perhaps with fewer values.

    Raises:
        UserError: it holds a sweep and neither ``resume`` nor ``force``, or another sweep, or none to resume.
    """
    path, now = folder / ASKED_FILE, _record(asked)
    if resume:
        if not path.exists():
            raise UserError(f"{folder}: there is no sweep to resume (no {ASKED_FILE}); leave --resume out")
        _check_same(folder, _read(path), now)
    elif path.exists() and not force:
        raise UserError(f"{folder}: holds a sweep already; --resume goes on with it, --force overwrites it")
    elif force and path.exists():
        path.unlink()
        shutil.rmtree(folder / POINTS, ignore_errors=True)
    elif not force and (other := next((name for name in RESULT_FILES if (folder / name).exists()), None)):
        raise UserError(f"{folder}: holds {other} already, of something else; --force overwrites it")
    with contextlib.suppress(OSError):
        (folder / POINTS).mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(now, indent=2, ensure_ascii=False) + "\n")


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


def _record(asked: Asked) -> dict[str, Any]:
    """Everything that decides the figures of a point, and the values that were asked for."""
    files = {"hwconfig": asked.hwconfig, "workload": asked.workload}
    varied = {one.name: list(one.values) for one in asked.varied}
    inputs = {name: _content(given) for name, given in files.items() if name not in varied}
    for one in asked.varied:
        if one.is_file:
            inputs |= {f"{one.name}={value}": _content(Path(value)) for value in one.values}
    record = {
        "accelsim": accelsim.__version__,
        **{name: described(given) for name, given in files.items() if name not in varied},
        "vary": varied,
        "set": list(asked.settings),
        "timing_only": asked.timing_only,
        "epochs": asked.epochs,
        "steps": asked.steps,
        "seeds": list(asked.seeds),
        "data": None if asked.data is None else str(asked.data),
        "inputs": inputs,
    }
    return dict(json.loads(json.dumps(plain(record), default=str)))


def _content(given: Any) -> Any:
    if not isinstance(given, Path):
        return given.model_dump(mode="json")
    return given.read_text(encoding="utf-8") if given.suffix.lower() == ".csv" else read_marked(given).data


def _check_same(folder: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Values, seeds and files of the fields that vary may be more than they were."""
    changes = [*_lacking("--vary ", before["vary"], now["vary"])]
    changes += _lacking("--", {"seeds": before["seeds"]}, {"seeds": now["seeds"]})
    both = before["inputs"].keys() & now["inputs"].keys()
    fixed = [{**found, "inputs": {name: found["inputs"][name] for name in both}} for found in (before, now)]
    for found in fixed:
        for name in ("vary", "seeds", "hwconfig", "workload"):
            found.pop(name, None)
    changes += filter(None, [changed_fields(*fixed)])
    if changes:
        raise UserError(f"{folder}: holds another sweep: {'; '.join(changes)}; give the same one, or another --out")


def _lacking(option: str, before: dict[str, list[Any]], now: dict[str, list[Any]]) -> Iterable[str]:
    """What was asked for there and isn't here; and fields that only one of them varies."""
    for name in dict.fromkeys([*before, *now]):
        if name not in now:
            yield f"{option}{name} is missing here"
        elif name not in before:
            yield f"{option}{name} is new here"
        elif missing := [str(value) for value in before[name] if value not in now[name]]:
            yield f"{option}{name} has {', '.join(missing)} there and not here"
        elif before[name] == [] != now[name]:
            yield f"{option}{name} is new here"


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(found, dict) and {"vary", "inputs", "seeds"} <= found.keys():
            return found
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not a sweep's record: {error}") from error
    raise UserError(f"{path}: not a sweep's record")
