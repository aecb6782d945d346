"""``--vary FIELD=V1,V2``: which fields a sweep varies, and their values as text, as ``--set`` takes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from accelsim.errors import UserError
from accelsim.yamlfile.marks import read_value

FILES = ("hwconfig", "workload")
"""What is varied by naming other files."""
_OPEN, _CLOSE, _QUOTES = "[{", "]}", "'\""


@dataclass(frozen=True)
class Varied:
    """Fields that take one value together, by their dotted paths; ``values`` are texts, in the order given."""

    fields: tuple[str, ...]
    values: tuple[str, ...]

    @property
    def name(self) -> str:
        """As it was written: ``mac_array.rows+mac_array.columns``."""
        return "+".join(self.fields)

    @property
    def is_file(self) -> bool:
        return self.fields[0] in FILES

    def settings(self, value: str) -> list[str]:
        """``path.to.field=value`` of each field; none where it names a file."""
        return [] if self.is_file else [f"{field}={value}" for field in self.fields]


def read_varied(vary: Mapping[str, Sequence[Any]] | Sequence[str]) -> tuple[Varied, ...]:
    """What varies: from lists of values by field, where texts are as ``--set`` takes them; or from ``--vary`` options.

    Options separate values by commas; one inside brackets, braces or quotes separates nothing. Several options of one
    field add their values up.

    Raises:
        UserError: no value, a value or a field twice, or not of the form FIELD=VALUES.
    """
    if isinstance(vary, str):
        raise UserError(f"vary: a mapping, or a list of texts as {vary!r}, is wanted")
    found: dict[str, tuple[str, ...]] = {}
    for fields, values in map(_listed, vary.items()) if isinstance(vary, Mapping) else map(_split, vary):
        found[fields] = (*found.get(fields, ()), *values)
    varied = tuple(Varied(tuple(fields.split("+")), values) for fields, values in found.items())
    _check(varied)
    return varied


def known_value(text: str, name: str = "") -> Any:
    """What YAML makes of a value: 16 and 0x10 are the same one; ``name``, that of the field, is for faults."""
    return read_value(f"--vary {name}={text}" if name else f"--vary {text}", text)


def _listed(item: tuple[str, Sequence[Any]]) -> tuple[str, list[str]]:
    name, values = item[0], _plain(item[1])
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise UserError(f"vary: {name} is {values!r}; a list of values is wanted")
    if not values:
        raise UserError(f"vary: {name} has an empty list; a list of one value or more is wanted")
    return _fields(name, f"{name}={','.join(map(str, values))}"), [_as_text(value) for value in values]


def _split(text: str) -> tuple[str, list[str]]:
    fields, equals, values = text.partition("=")
    return _fields(fields if equals else "", text), _pieces(values)


def _fields(text: str, written: str) -> str:
    """The joined fields of an option, without spaces; ``written`` is what the user wrote."""
    names = [name.strip() for name in text.split("+")]
    if not all(part for name in names for part in name.split(".")):
        example = "mac_array.rows+mac_array.columns=16,32"
        raise UserError(f"--vary {written}: should be path.to.field=value,value,..., for instance {example}")
    if len(set(names)) < len(names):
        raise UserError(f"--vary {written}: names a field twice")
    if len(names) > 1 and set(names) & set(FILES):
        raise UserError(f"--vary {written}: {' and '.join(FILES)} are files, and take no value of another field")
    return "+".join(names)


def _pieces(text: str) -> list[str]:
    """Split at commas outside of brackets and quotes."""
    pieces, depth, quote = [""], 0, ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in _QUOTES and not pieces[-1].strip():
            quote = character
        depth += not quote and (character in _OPEN) - (character in _CLOSE)
        if character == "," and not depth and not quote:
            pieces.append("")
        else:
            pieces[-1] += character
    return [piece.strip() for piece in pieces]


def _check(varied: Iterable[Varied]) -> None:
    seen: dict[str, str] = {}
    for one in varied:
        for field in one.fields:
            if field in seen:
                raise UserError(f"--vary {one.name}: {field} is varied by --vary {seen[field]} already")
            seen[field] = one.name
        if not one.values or not all(one.values):
            raise UserError(f"--vary {one.name}={','.join(one.values)}: a value is missing; separate values by commas")
        known: list[Any] = []
        for value in one.values:
            found = value if one.is_file else known_value(value, one.name)
            if any(type(found) is type(other) and found == other for other in known):
                raise UserError(f"--vary {one.name}: the value {value} stands twice")
            known.append(found)


def _as_text(value: Any) -> str:
    """A plain value as YAML on one line; a text as it is."""
    if isinstance(value, str | Path):
        return str(value)
    plain = list(value) if isinstance(value, tuple) else _plain(value)
    try:
        text = yaml.safe_dump(plain, default_flow_style=True, width=10**9)
    except yaml.YAMLError as error:
        raise UserError(f"vary: found {value!r}; allowed: numbers, texts, lists and dictionaries") from error
    return text.removesuffix("...\n").strip()


def _plain(value: Any) -> Any:
    """An array or a number of NumPy as Python's own."""
    return value.tolist() if hasattr(value, "tolist") else value
