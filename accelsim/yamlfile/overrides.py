"""Settings from the command line, ``numerics.activation.format=int4``, laid over a file's data."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from accelsim.errors import UserError
from accelsim.yamlfile.marks import MarkedYaml, read_value

BARE = {"numerics": "format"}
"""Sections whose entries may be a bare text, and the field that it stands for: ``activation: int8``."""


def split_setting(setting: str) -> tuple[list[str], str]:
    """Path and value text of ``path.to.field=value``.

    Raises:
        UserError: there is no ``=``, or a part of the path is empty.
    """
    path, equals, value = setting.partition("=")
    parts = path.strip().split(".")
    if not equals or not all(parts):
        raise UserError(f"--set {setting}: should be path.to.field=value, for instance numerics.activation.format=int4")
    return parts, value.strip()


def override(marked: MarkedYaml, settings: Iterable[str]) -> MarkedYaml:
    """``marked`` with each setting laid over its data; faults of those fields then name the setting.

    Raises:
        UserError: a path leads through a value that has no fields, or a value is not YAML.
    """
    data, written = copy.deepcopy(marked.data), dict(marked.settings)
    for setting in settings:
        parts, text = split_setting(setting)
        location = _put(data, parts, read_value(f"--set {setting}", text), setting)
        written[location] = setting
    return replace(marked, data=data, settings=written)


def _put(data: Any, parts: list[str], value: Any, setting: str) -> tuple[str | int, ...]:
    """Set the field at ``parts`` and return its location; missing mappings on the way are made."""
    location: list[str | int] = []
    for depth, part in enumerate(parts):
        step: str | int = int(part) if isinstance(data, list) and part.isdigit() else part
        if isinstance(data, list) and not (isinstance(step, int) and step < len(data)):
            raise UserError(f"--set {setting}: {part!r} is not one of the {len(data)} items, 0 to {len(data) - 1}")
        if not isinstance(data, dict | list):
            raise UserError(f"--set {setting}: {'.'.join(parts[:depth])} is {data!r}, which has no fields")
        location.append(step)
        if depth == len(parts) - 1:
            data[step] = value  # type: ignore[index]
            continue
        inner = data[step] if isinstance(data, list) else data.get(step)  # type: ignore[index]
        if inner is None or (isinstance(inner, str) and location[0] in BARE):
            inner = {} if inner is None else {BARE[str(location[0])]: inner}
            data[step] = inner  # type: ignore[index]
        data = inner
    return tuple(location)
