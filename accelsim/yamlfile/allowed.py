"""What a field allows, in words, from its annotation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types as at
from pydantic import BaseModel, BeforeValidator, Field

from accelsim.yamlfile.quantity import Quantity


@dataclass(frozen=True)
class Allowed:
    """Annotation that says what a field allows where its type does not; ``words`` are guessed from."""

    text: str
    words: tuple[str, ...] = ()


Name = Annotated[
    str, Field(min_length=1, max_length=100, pattern=r"^[\w.-]+$"), Allowed("letters, digits, '_', '.' and '-'")
]
"""A short name, fit for folders and tables."""


def unwrapped(annotation: Any, metadata: Sequence[Any] = ()) -> tuple[Any, list[Any]]:
    """The bare type without ``Annotated`` and ``| None``, and all metadata."""
    found = list(metadata)
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *inner = get_args(annotation)
            found = [*inner, *found]
        elif get_origin(annotation) in (Union, UnionType):
            options = [option for option in get_args(annotation) if option is not NoneType]
            if len(options) != 1:
                return annotation, found
            annotation = options[0]
        else:
            return annotation, found


def allowed_text(annotation: Any, metadata: Sequence[Any] = ()) -> str:
    """For instance ``a whole number from 1 to 65536``; empty where it can't be told."""
    bare, notes = unwrapped(annotation, metadata)
    stated = next((note.text for note in notes if isinstance(note, Allowed)), None)
    if stated is not None:
        return stated
    unit = next((note for note in notes if isinstance(note, Quantity)), None)
    if unit is not None:
        return f"{_number(bare, notes, of=f' of {unit.plural}')}, or a quantity such as {unit.example!r}"
    return _of_type(bare, notes)


def options(annotation: Any, metadata: Sequence[Any] = ()) -> list[str]:
    """Words that a field chooses from."""
    bare, notes = unwrapped(annotation, metadata)
    if stated := next((note.words for note in notes if isinstance(note, Allowed)), ()):
        return list(stated)
    if isinstance(bare, type) and issubclass(bare, Enum):
        return [str(member.value) for member in bare]
    return [str(word) for word in get_args(bare)] if get_origin(bare) is Literal else []


def _of_type(bare: Any, notes: Sequence[Any]) -> str:
    if words := options(bare):
        return ", ".join(words)
    if bare in (int, float):
        return _number(bare, notes)
    if get_origin(bare) is tuple:
        items = get_args(bare)
        if Ellipsis in items:
            limits = [limit for note in notes for limit in getattr(note, "metadata", [note])]
            most = _limit(limits, at.MaxLen, "max_length")
            size = "" if most is None else f" of at most {most}"
            return f"a list{size}, each {'one of ' if options(items[0]) else ''}{allowed_text(items[0])}"
        single = any(isinstance(note, BeforeValidator) for note in notes)
        alternative = f"{allowed_text(items[0])}, or " if single else ""
        return f"{alternative}a list of {len(items)}{'' if single else f', each {allowed_text(items[0])}'}"
    if isinstance(bare, type) and issubclass(bare, BaseModel) and bare.model_fields:
        return f"the fields {', '.join(bare.model_fields)}"
    if get_origin(bare) is list and any(isinstance(note, at.MinLen) for note in notes):
        return "a list that is not empty"
    plain = {str: "text", bool: "true or false", list: "a list", dict: "fields with a value each"}
    return plain.get(get_origin(bare) or bare, "")


def _number(bare: Any, notes: Sequence[Any], of: str = "") -> str:
    notes = [limit for note in notes for limit in getattr(note, "metadata", [note])]  # a Field() inside Annotated
    what = f"a whole number{of}" if bare is int else f"a number{of}"
    lowest, above = _limit(notes, at.Ge, "ge"), _limit(notes, at.Gt, "gt")
    highest, below = _limit(notes, at.Le, "le"), _limit(notes, at.Lt, "lt")
    if bare is int and below is not None:
        highest, below = below - 1, None
    lower = f" above {_plain(above)}" if lowest is None and above is not None else f" from {_plain(lowest)}"
    upper = f" to below {_plain(below)}" if highest is None else f" to {_plain(highest)}"
    if lowest is None and above is None:
        lower = ""
    if highest is None and below is None:
        return what + lower.replace(" from", " of at least")
    return f"{what}{lower}{upper}"


def _limit(notes: Sequence[Any], kind: type, attribute: str) -> Any:
    return next((getattr(note, attribute) for note in notes if isinstance(note, kind)), None)


def _plain(limit: Any) -> str:
    return f"{limit:.10g}" if isinstance(limit, float) else str(limit)
