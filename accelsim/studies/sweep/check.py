"""Fields and values held against the files before any work: what no point can take is refused at once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

from accelsim.errors import UserError
from accelsim.simulation.inputs import read_inputs
from accelsim.studies.sweep.asked import Asked, Point
from accelsim.studies.sweep.varied import Varied

MOST_TRIED = 100
"""Points that are read to find one that can take a value; if there is one beyond them, the sweep itself finds it."""


def check_values(asked: Asked) -> None:
    """Read files and settings of points until every value was taken by one of them.

    Raises:
        UserError: a field is none of either file, or no point can take a value; in the words of ``--set``.
    """
    fine: set[tuple[str, ...]] = set()
    for index, one in enumerate(asked.varied):
        for value in one.values:
            if not any(values[index] == value for values in fine):
                fine.add(_first_fine(asked, index, value))
    if not asked.varied:
        _read(asked, Point(()))


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


def _read(asked: Asked, point: Point) -> None:
    hwconfig, workload = asked.files(point)
    for one, value in zip(asked.varied, point.values, strict=True):
        if one.is_file and not Path(value).exists():
            raise UserError(f"--vary {one.name}={value}: there is no such file")
    try:
        inputs = read_inputs(hwconfig, workload, epochs=asked.epochs, settings=asked.all_settings(point))
        if not asked.timing_only:
            inputs.training  # noqa: B018 - a topology has nothing to train
    except UserError as error:
        raise UserError(in_words_of_vary(asked, point, str(error))) from error


def in_words_of_vary(asked: Asked, point: Point, message: str) -> str:
    """``message`` with ``--vary`` in place of ``--set`` where a setting comes from there."""
    for setting in asked.varied_settings(point):
        message = message.replace(f"--set {setting}", f"--vary {setting}")
    return message
