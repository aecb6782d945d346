"""Validate a YAML file against a model; every fault becomes one line that says where and how to mend it."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from accelsim.errors import UserError, nearest
from accelsim.yamlfile.kinds import SIGNATURES, expect_kind
from accelsim.yamlfile.marks import MarkedYaml, read_marked
from accelsim.yamlfile.places import Location, Place, find_place
from accelsim.yamlfile.wording import MISFIT, wording

M = TypeVar("M", bound=BaseModel)
MOST_FAULTS = 20
"""Faults that one message lists."""


def load_model(model: type[M], path: Path) -> M:
    """Read ``path`` and return a validated ``model``.

    Raises:
        UserError: one line per fault: file, line, column, field, what was found, what is allowed.
    """
    return validated(model, read_marked(path))


def validated(model: type[M], marked: MarkedYaml, kind: str = "") -> M:
    """``load_model`` of a file that was read already; ``kind`` is ``hwconfig``, ``workload`` or ``topology``, if any.

    Raises:
        UserError: one line per fault.
    """
    if kind in SIGNATURES:
        expect_kind(marked, kind)
    try:
        return model.model_validate(marked.data)
    except ValidationError as error:
        lines = _lines(model, marked, error.errors())
    more = len(lines) - MOST_FAULTS
    raise UserError("\n".join(lines[:MOST_FAULTS] + ([f"{marked.path}: and {more} more faults"] if more > 0 else [])))


def _lines(model: type[BaseModel], marked: MarkedYaml, errors: list[ErrorDetails]) -> list[str]:
    """One line a fault, in the file's order; a fault that two locations share is said once."""
    errors = [_whole_list(error) for error in errors]
    places = [find_place(model, marked.data, error["loc"], inside=error["type"] == "model_type") for error in errors]
    missing = {place.path for place, error in zip(places, errors, strict=True) if error["type"] == "missing"}
    explained: set[Location] = set()
    faults: dict[tuple[Location, str], None] = {}
    for place, error in zip(places, errors, strict=True):
        if error["type"] == "extra_forbidden":
            text, guess = _unknown_field(place)
            # A misspelt field is missing under its right name too; that would say one fault twice.
            explained |= {(*place.path[:-1], guess)} & missing
        else:
            text = wording(error, place)
        faults[place.path if error["type"] in ("missing", MISFIT) else place.written, text] = None
    kept = [(field, text) for field, text in faults if field not in explained]
    kept.sort(key=lambda fault: marked.position(fault[0]))
    return [str(marked.error(field, text)) for field, text in kept]


def _whole_list(error: ErrorDetails) -> ErrorDetails:
    """A list that is too short is at fault itself, not the item that it lacks."""
    if error["type"] == "missing" and error["loc"] and isinstance(error["loc"][-1], int):
        return ErrorDetails(type="too_short", loc=error["loc"][:-1], msg=error["msg"], input=error["input"])
    return error


def _unknown_field(place: Place) -> tuple[str, str]:
    """The sentence about an unknown field, and the field that was probably meant."""
    allowed = list(place.owner.model_fields) if place.owner else []
    hint = nearest(str(place.path[-1]), allowed)
    guess = next((name for name in allowed if f"{name!r}" in hint), "")
    return f"unknown field{hint}" + (f"; allowed: {', '.join(allowed)}" if allowed else ""), guess
