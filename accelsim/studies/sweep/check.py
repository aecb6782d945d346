"""Fields and values held against the files before any work: what no point can take is refused at once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from accelsim.errors import UserError
from accelsim.simulation.inputs import Inputs, read_inputs
from accelsim.simulation.settings import sorted_settings
from accelsim.studies.sweep.asked import Asked, Point
from accelsim.studies.sweep.varied import Varied, known_value

MOST_TRIED = 100
"""Points that are read to find one that can take a value; if there is one beyond them, the sweep itself finds it."""


def check_values(asked: Asked) -> None:
    """Read files and settings of points until every value was taken by one of them.

    Raises:
        UserError: a field is none of either file, no point can take a value, in the words of ``--set``; or two values
            are one, written in two ways.
    """
    fine: set[tuple[str, ...]] = set()
    for index, one in enumerate(asked.varied):
        for value in one.values:
            if not any(values[index] == value for values in fine):
                fine.add(_first_fine(asked, index, value))
        _check_distinct(asked, index)
    if not asked.varied:
        _read(asked, Point(()))


def _check_distinct(asked: Asked, index: int) -> None:
    """Refuse 64KiB beside 65536; values that aren't sizes or numbers are not looked into."""
    one = asked.varied[index]
    seen: dict[tuple[Any, ...], str] = {}
    for value in () if one.is_file else one.values:
        parsed = _parsed(asked, index, value)
        if parsed in seen:
            raise UserError(f"--vary {one.name}: the value {value} stands twice, as {seen[parsed]} before")
        if parsed is not None:
            seen[parsed] = value


def _parsed(asked: Asked, index: int, value: str) -> tuple[Any, ...] | None:
    """What the files make of a number or a size, of each field; None where that isn't known."""
    raw, one = known_value(value), asked.varied[index]
    if isinstance(raw, bool) or not (isinstance(raw, int | float) or str(raw)[:1].isdigit()):
        return None
    try:
        inputs = _read(asked, Point(_first_fine(asked, index, value)))
    except UserError:
        return None
    files = inputs.hw.model_dump(mode="json"), inputs.workload.model_dump(mode="json")
    found = tuple(_at(files[_in_workload(field)], field.split(".")) for field in one.fields)
    return found if all(isinstance(part, int | float | str) for part in found) else None


def _in_workload(field: str) -> bool:
    return bool(sorted_settings([f"{field}=0"])[1])


def _at(content: Any, path: Sequence[str]) -> Any:
    """The value at a dotted path; None where there is none."""
    for part in path:
        if isinstance(content, Mapping):
            content = content.get(part)
        elif isinstance(content, Sequence) and not isinstance(content, str) and part.isdigit():
            content = content[int(part)] if int(part) < len(content) else None
        else:
            return None
    return content


def _first_fine(asked: Asked, index: int, value: str) -> tuple[str, ...]:
    """The values of the first point with ``value`` in place ``index`` that both files can take."""
    first: UserError | None = None
    for values in itertools.islice(_with(asked.varied, index, value), MOST_TRIED):
        try:
            _read(asked, Point(values))
        except UserError as error:
            first = first or error
        else:
            return values
    if first is None or asked.count > MOST_TRIED * max(1, len(asked.seeds)) * len(asked.varied[index].values):
        return next(_with(asked.varied, index, value))
    raise first


def _with(varied: tuple[Varied, ...], index: int, value: str) -> Iterator[tuple[str, ...]]:
    choices = [(value,) if place == index else one.values for place, one in enumerate(varied)]
    return itertools.product(*choices)


def _read(asked: Asked, point: Point) -> Inputs:
    hwconfig, workload = asked.files(point)
    for one, value in zip(asked.varied, point.values, strict=True):
        if one.is_file and not Path(value).exists():
            raise UserError(f"--vary {one.name}={value}: there is no such file")
    try:
        inputs = read_inputs(hwconfig, workload, epochs=asked.epochs, settings=asked.all_settings(point))
        if not asked.timing_only:
            inputs.training  # noqa: B018 - a topology has nothing to train
        return inputs
    except UserError as error:
        raise UserError(in_words_of_vary(asked, point, str(error))) from error


def in_words_of_vary(asked: Asked, point: Point, message: str) -> str:
    """``message`` with ``--vary`` in place of ``--set`` where a setting comes from there."""
    for setting in asked.varied_settings(point):
        message = message.replace(f"--set {setting}", f"--vary {setting}")
    return message
