"""Validate a YAML file against a model; every fault becomes one line that says where and how to mend it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from accelsim.errors import UserError, nearest
from accelsim.yamlfile.marks import MarkedYaml, read_marked

M = TypeVar("M", bound=BaseModel)


def load_model(model: type[M], path: Path) -> M:
    """Read ``path`` and return a validated ``model``.

    Raises:
        UserError: one line per fault: file, line, column, field, what was found, what is allowed.
    """
    marked = read_marked(path)
    try:
        return model.model_validate(marked.data)
    except ValidationError as error:
        faults = _merge_typos(model, error.errors())
        raise UserError("\n".join(_message(marked, fault) for fault in faults)) from error


def _message(marked: MarkedYaml, fault: dict[str, Any]) -> str:
    line, column = marked.position(fault["loc"])
    field = ".".join(str(part) for part in fault["loc"]) or "file"
    return f"{marked.path}:{line}:{column}: {field}: {fault['msg']}"


def _merge_typos(model: type[BaseModel], errors: list[ErrorDetails]) -> list[dict[str, Any]]:
    """Word each fault; where an unknown field looks like a missing one, say both in one message."""
    missing = {tuple(e["loc"]): e for e in errors if e["type"] == "missing"}
    explained: set[tuple[str | int, ...]] = set()
    faults: list[dict[str, Any]] = []
    for error in errors:
        loc = tuple(error["loc"])
        if error["type"] == "extra_forbidden":
            siblings = [m for m in missing if m[:-1] == loc[:-1]]
            allowed = _fields_at(model, loc[:-1]) or [str(m[-1]) for m in siblings]
            hint = nearest(str(loc[-1]), allowed)
            explained |= {m for m in siblings if repr(str(m[-1])) in hint}
            text = f"unknown field{hint}" + (f"; allowed: {', '.join(allowed)}" if allowed else "")
            faults.append({"loc": loc, "msg": text})
        else:
            faults.append({"loc": loc, "msg": _wording(error)})
    return [fault for fault in faults if fault["loc"] not in explained]


def _wording(error: ErrorDetails) -> str:
    if error["type"] == "missing":
        return "missing, and it has no default"
    message = error["msg"].removeprefix("Value error, ")
    found = error["input"]
    shown = "" if isinstance(found, dict | list) and len(str(found)) > 60 else f" (found {found!r})"
    hint = nearest(
        str(found), error.get("ctx", {}).get("expected", "").replace("'", "").replace(" or ", ", ").split(", ")
    )
    return f"{message}{shown}{hint}"


def _fields_at(model: Any, loc: tuple[str | int, ...]) -> list[str]:
    """Names of the fields of the model that ``loc`` leads to, or nothing where it can't be told."""
    current: Any = model
    for part in loc:
        info = getattr(current, "model_fields", {}).get(part)
        if info is None:
            return []
        current = info.annotation
    return list(getattr(current, "model_fields", {}))
