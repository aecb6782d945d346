"""``sweep.json``: what was asked of a sweep, and whether a sweep that goes on with it asks the same."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from accelsim.errors import UserError
from accelsim.reports.plain import plain
from accelsim.studies.sweep.asked import Asked, described
from accelsim.training.changes import changed_fields
from accelsim.version import __version__
from accelsim.yamlfile import read_marked


def record_of(asked: Asked) -> dict[str, Any]:
    """Everything that decides the figures of a point, and the values that were asked for."""
    files = {"hwconfig": asked.hwconfig, "workload": asked.workload}
    varied = {one.name: list(one.values) for one in asked.varied}
    inputs = {name: _content(given) for name, given in files.items() if name not in varied}
    for one in asked.varied:
        if one.is_file:
            inputs |= {f"{one.name}={value}": _content(Path(value)) for value in one.values}
    record = {
        "accelsim": __version__,
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


def check_same(folder: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Refuse another sweep than ``before``. Values, seeds and files of the fields that vary may be more than they were.

    Raises:
        UserError: naming what differs.
    """
    changes = [*_lacking("--vary ", before["vary"], now["vary"])]
    changes += _lacking("--", {"seeds": before["seeds"]}, {"seeds": now["seeds"]})
    both = before["inputs"].keys() & now["inputs"].keys()
    fixed = [{**found, "inputs": {name: found["inputs"][name] for name in both}} for found in (before, now)]
    changes += search_changes(before.get("search"), now["search"])
    for found in fixed:
        for name in ("vary", "seeds", "hwconfig", "workload", "search"):
            found.pop(name, None)
    changes += filter(None, [changed_fields(*fixed)])
    if changes:
        raise UserError(f"{folder}: holds another sweep: {'; '.join(changes)}; give the same one, or another --out")


def search_changes(before: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> Iterable[str]:
    """How a search is another one than it was; it may look at more points."""
    if before is None or now is None:
        if before is not now:
            kinds = [f"a search (--trials {one['trials']})" if one else "the whole grid" for one in (before, now)]
            yield f"{kinds[0]} there, {kinds[1]} here"
        return
    if now["trials"] < before["trials"]:
        yield f"--trials {before['trials']} there, {now['trials']} here; more are allowed, fewer are not"
    for name in ("minimise", "maximise"):
        if before[name] != now[name]:
            there, here = (",".join(one[name]) or "nothing" for one in (before, now))
            yield f"--{name} {there} there, {here} here"


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


def read_record(path: Path) -> dict[str, Any]:
    """What ``sweep.json`` says.

    Raises:
        UserError: it is no sweep's.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(found, dict) and {"vary", "inputs", "seeds"} <= found.keys():
            return found
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not a sweep's record: {error}") from error
    raise UserError(f"{path}: not a sweep's record")
