"""One fault of a file in one plain sentence: what was found, what is allowed, the nearest valid word."""

from __future__ import annotations

from typing import Any

from pydantic_core import ErrorDetails

from accelsim.errors import nearest
from accelsim.yamlfile.allowed import allowed_text, options
from accelsim.yamlfile.places import Place

LONGEST = 60
"""Characters of a found value that a message shows."""
MISFIT = "misfit"
"""Type of the faults that fields have together, each fine alone."""
_SPOKEN = {"value_error", "layer", MISFIT}


def wording(error: ErrorDetails, place: Place) -> str:
    """The sentence for one of pydantic's errors."""
    allowed = allowed_text(place.annotation, place.metadata)
    found = error["input"]
    if error["type"] in _SPOKEN:
        message = error["msg"].removeprefix("Value error, ")
        known = error["type"] == MISFIT or _names(message, found)
        return message if known else f"{message} (found {shown(found)})"
    tail = f"; allowed: {allowed}" if allowed else ""
    if error["type"] == "missing":
        return f"missing{tail}"
    if error["type"] == "quantity":
        return f"found {shown(found)}{error['msg']}{tail}"
    hint = nearest(str(found), options(place.annotation, place.metadata))
    return f"found {shown(found)}{tail or '; ' + error['msg'].lower()}{hint}"


def _names(message: str, found: Any) -> bool:
    """True where the message says already what was found: the value, or a mapping's key, or one of its fields."""
    if isinstance(found, dict):
        return any(str(key) in message for key in found)
    return repr(found) in message


def shown(found: Any) -> str:
    """A value as the user wrote it, shortened."""
    if found is None:
        return "nothing"
    if isinstance(found, dict | list) and not found:
        return "an empty list" if isinstance(found, list) else "no fields"
    if isinstance(found, dict):
        return f"fields ({_short(', '.join(map(str, found)))})"
    if isinstance(found, list):
        return f"a list of {len(found)} ({_short(', '.join(map(str, found[:20])))})"
    if isinstance(found, bool):
        return str(found).lower()
    return _short(repr(found)) if not isinstance(found, int) or found.bit_length() < 256 else "a number of many digits"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
