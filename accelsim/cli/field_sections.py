"""The fields of a file, model by model in the file's order: what its reference says of each."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from accelsim.formats.registry import FORMATS
from accelsim.hardware.config import HardwareConfig
from accelsim.hardware.dram import Dram
from accelsim.hardware.dram_standards import DramOrganisation, DramTiming, dram_standards
from accelsim.hardware.layer_numerics import LayerNumerics
from accelsim.hardware.numerics import Numerics, allowed_formats
from accelsim.hardware.role_format import RoleFormat
from accelsim.hardware.technology import technology_names
from accelsim.layers import LAYERS, Layer
from accelsim.layers.optimizer import OPTIMIZERS, Optimizer
from accelsim.yamlfile.allowed import Allowed, allowed_text, unwrapped
from accelsim.yamlfile.descriptions import descriptions
from accelsim.yamlfile.quantity import Quantity

Model = type[BaseModel]
KINDS: dict[Model, Mapping[str, Model]] = {Layer: LAYERS, Optimizer: OPTIMIZERS}
"""Models that stand for any of several kinds, each with fields of its own."""
KEYED: dict[tuple[Model, str], Model] = {(Dram, "organisation"): DramOrganisation, (Dram, "timing"): DramTiming}
"""Fields whose keys are the fields of another model."""
STATED: dict[tuple[Model, str], Callable[[], Sequence[str]]] = {
    (HardwareConfig, "technology"): technology_names,
    (Dram, "standard"): lambda: list(dram_standards()),
}
"""Fields that take one of the names that ship."""
FORMAT = "[number format](numerics.md#formats)"
UNITS = {
    "_bytes_per_s": "bytes/s",
    "bytes_per_cycle": "bytes/cycle",
    "_pj_per_byte": "pJ/byte",
    "_pj_per_bit": "pJ/bit",
    "_bytes": "bytes",
    "_bits": "bits",
    "_pj": "pJ",
    "_mw": "mW",
    "_mhz": "MHz",
    "_ns": "ns",
    "_mtps": "MT/s",
    "cycles_per_mac": "cycles",
    "epochs": "epochs",
}
"""By the ending of a field's name."""


@dataclass(frozen=True)
class Row:
    """One field; ``inner`` is the model that it holds, if any: ``many`` of those, ``named`` where each has a name."""

    name: str
    allowed: str
    unit: str
    default: str
    text: str
    inner: Model | None = None
    many: bool = False
    named: bool = False


@dataclass
class Section:
    """One model: where it stands in the file, how deep, and its fields; ``kind`` where it is one of several."""

    model: Model
    depth: int
    paths: list[str]
    kind: str = ""
    rows: list[Row] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What the model says of itself."""
        return " ".join(inspect.cleandoc(self.model.__doc__ or "").split())


def sections_of(root: Model) -> list[Section]:
    """Sections of a file whose fields are those of ``root``, each before those of the models in it."""
    found: dict[Model, Section] = {}
    _visit(root, "", 0, found)
    return list(found.values())


def _visit(
    model: Model, path: str, depth: int, found: dict[Model, Section], kind: str = "", base: Model | None = None
) -> None:
    if model in found:
        if model not in KINDS:
            found[model].paths.append(path)
        return
    section = found[model] = Section(model, depth, [path], kind)
    own = [name for name in model.model_fields if base is None or name not in base.model_fields]
    texts = descriptions(model)
    section.rows = [_row(model, name, texts.get(name, "")) for name in own]
    if model in KEYED.values():  # what a file leaves out has a value elsewhere
        section.rows = [replace(row, default="") for row in section.rows]
    for row in section.rows:
        if row.inner is not None:
            if row.inner in found and row.inner not in KINDS and _stands_before(row.inner, model, found):
                found[row.inner] = found.pop(row.inner)
            _visit(row.inner, f"{path}.{row.name}".lstrip("."), depth + 1, found)
            places = list(found)
            if not kind and places.index(row.inner) < places.index(model):  # it stands behind all that hold it
                found[row.inner] = found.pop(row.inner)
    for name, each in sorted(KINDS.get(model, {}).items()):
        _visit(each, path, depth + 1, found, name, model)


def _stands_before(one: Model, other: Model, found: Mapping[Model, Section]) -> bool:
    order = list(found)
    return order.index(one) < order.index(other)


def _row(model: Model, name: str, text: str) -> Row:
    """What is said of one field, whose description is ``text``."""
    info = model.model_fields[name]
    inner, many = (KEYED[model, name], False) if (model, name) in KEYED else _inner(info.annotation)
    named = get_origin(unwrapped(info.annotation)[0]) is dict
    return Row(
        name, _allowed(model, name, info), _unit(name, info), _default(info), " ".join(text.split()), inner, many, named
    )


def _inner(annotation: Any) -> tuple[Model | None, bool]:
    bare, _ = unwrapped(annotation)
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        return bare, False
    if get_origin(bare) in (list, tuple, dict):
        models = [model for model, _ in map(_inner, get_args(bare)) if model]
        return (models[0] if models else None), True
    return None, False


def _allowed(model: Model, name: str, info: FieldInfo) -> str:
    if model in (Numerics, LayerNumerics) and unwrapped(info.annotation)[0] is RoleFormat:
        return allowed_formats(name)
    if (model, name) in STATED:
        return ", ".join(STATED[model, name]())
    return _allowed_by(info.annotation, info.metadata)


def _allowed_by(annotation: Any, metadata: Any = ()) -> str:
    bare, notes = unwrapped(annotation, metadata)
    arguments = get_args(bare)
    if get_origin(bare) is dict:
        return f"{_allowed_by(arguments[1])}, by {_allowed_by(arguments[0])}"
    stated_list = any(isinstance(note, Allowed) for note in notes) and _inner(bare)[0] is None
    if not stated_list and (get_origin(bare) is list or (get_origin(bare) is tuple and arguments[-1] is ...)):
        each = _allowed_by(arguments[0])
        return f"a list, each {'' if each.startswith('a ') else 'one of '}{each}" if each else "a list"
    stated = allowed_text(bare, notes)
    return FORMAT if stated == FORMATS else stated


def _unit(name: str, info: FieldInfo) -> str:
    notes = unwrapped(info.annotation, info.metadata)[1]
    stated = next((note.plural for note in notes if isinstance(note, Quantity)), "")
    named = next((unit for ending, unit in UNITS.items() if name.endswith(ending)), "")
    return named or stated


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "required"
    found = info.get_default(call_default_factory=True)
    return "" if found is None or found is PydanticUndefined else _shown(found)


def _shown(value: Any) -> str:
    if isinstance(value, BaseModel):
        changed = {name: getattr(value, name) for name in value.model_fields_set}
        return _shown(changed) if len(changed) != 1 else _shown(next(iter(changed.values())))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_shown(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_shown, value)) + "]"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
