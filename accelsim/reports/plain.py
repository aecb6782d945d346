"""Plain values for YAML and strict JSON, and back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from enum import Enum
from typing import Any

import numpy as np
import pandas as pd
import yaml

_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
"""How strict JSON, which has no such numbers, spells them."""
_TEXT_KEYS = frozenset({"hwconfig", "workload"})


def plain(value: Any) -> Any:
    """``value`` with built-in types only: enumerations and NumPy scalars become their values."""
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


def to_yaml(value: Mapping[str, Any]) -> str:
    """YAML in the order of the mapping."""
    return yaml.safe_dump(plain(value), sort_keys=False, allow_unicode=True, width=100)


def to_json(value: Mapping[str, Any]) -> str:
    """Strict JSON in the order of the mapping; NaN and infinities of the top level are spelt as text."""
    spelt = {key: _spell(item) for key, item in plain(value).items()}
    return json.dumps(spelt, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows for JSON, with every digit (``DataFrame.to_json`` keeps ten decimals); null where no number is known."""
    rows = table.astype(object).to_dict("records")
    return [{str(name): _known(plain(value)) for name, value in row.items()} for row in rows]


def from_json(text: str) -> dict[str, Any]:
    """Read what ``to_json`` wrote.

    Raises:
        ValueError: it isn't a JSON object.
    """
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("it should hold an object")
    return {key: item if key in _TEXT_KEYS else _unspell(item) for key, item in found.items()}


def _known(value: Any) -> Any:
    return None if value is pd.NA or (isinstance(value, float) and not math.isfinite(value)) else value


def _spell(value: Any) -> Any:
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def _unspell(value: Any) -> Any:
    return _NON_FINITE.get(value, value) if isinstance(value, str) else value
