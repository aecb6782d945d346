"""From pydantic's location of a fault to the field that the user wrote, and to what that field allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from accelsim.yamlfile.allowed import unwrapped

Location = tuple[str | int, ...]


@dataclass(frozen=True)
class Place:
    """A field: its path in the file, how much of that is there, and its annotation."""

    path: Location
    present: int
    annotation: Any = None
    metadata: list[Any] = field(default_factory=list)
    owner: type[BaseModel] | None = None
    """Model that the field belongs to."""

    @property
    def written(self) -> Location:
        """The part of the path that the file has."""
        return self.path[: self.present]


def find_place(model: type[BaseModel], data: Any, location: Sequence[str | int], *, inside: bool = False) -> Place:
    """Follow ``location`` through the model and the file's data at once.

    A layer's kind, which pydantic's locations leave out, becomes part of the path; at its end only if ``inside``.
    """
    steps = _Steps(model, data)
    for part in location:
        if part != "[key]":  # pydantic's mark for a fault of the key itself
            steps.enter_kind()
            steps.down(part)
    if inside:
        steps.enter_kind()
    return Place(tuple(steps.path), steps.present, steps.annotation, steps.metadata, steps.owner)


class _Steps:
    def __init__(self, model: type[BaseModel], data: Any) -> None:
        self.annotation: Any = model
        self.metadata: list[Any] = []
        self.owner: type[BaseModel] | None = None
        self.data, self.path, self.present = data, list[str | int](), 0

    def enter_kind(self) -> None:
        """Where a base class stands for several kinds, go on with the kind that the data names."""
        bare, _ = unwrapped(self.annotation)
        kinds = _kinds(bare)
        named = self.data.get("kind") if isinstance(self.data, dict) else None
        if isinstance(named, str) and named in kinds:  # by a field of its own
            self.annotation = kinds[named]
            return
        kind = next(iter(self.data), None) if isinstance(self.data, dict) else self.data
        chosen = kinds.get(kind) if isinstance(kind, str) else None
        if chosen is not None:
            self.step(str(kind))
            self.annotation = chosen

    def down(self, part: str | int) -> None:
        bare, _ = unwrapped(self.annotation)
        self.owner = bare if isinstance(bare, type) and issubclass(bare, BaseModel) else None
        self.annotation, self.metadata = _inside(bare, part)
        self.step(part)

    def step(self, part: str | int) -> None:
        whole = self.present == len(self.path)
        self.path.append(part)
        try:
            self.data = self.data[part]
        except (LookupError, TypeError):  # nothing here, or neither list nor mapping
            self.data, whole = None, False
        self.present += whole


def _kinds(base: Any) -> dict[str, type[BaseModel]]:
    """Classes derived from ``base`` by the ``kind`` that each goes by in files."""
    if not (isinstance(base, type) and issubclass(base, BaseModel)):
        return {}
    found: dict[str, type[BaseModel]] = {}
    for child in base.__subclasses__():
        kind = child.__dict__.get("kind")
        found |= _kinds(child) | ({kind: child} if isinstance(kind, str) else {})
    return found


def _inside(bare: Any, part: str | int) -> tuple[Any, list[Any]]:
    """Annotation and metadata of a field, or of an item of a list, tuple or dict."""
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        info = bare.model_fields.get(str(part))
        return unwrapped(info.annotation, info.metadata) if info else (None, [])
    arguments = get_args(bare)
    if get_origin(bare) is dict:
        return unwrapped(arguments[1])
    if get_origin(bare) in (list, tuple):
        arguments = tuple(argument for argument in arguments if argument is not ...)  # tuple[X, ...]
        return unwrapped(arguments[min(int(part), len(arguments) - 1)])
    return None, []
