"""Quantities in files: ``256 KiB``, ``700 MHz``, ``19.2 GB/s``, or a plain number in the field's own unit."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from accelsim.errors import nearest

# pint alone would work out powers such as 9**9**9 for as long as that takes.
_QUANTITY = re.compile(r"\s*([+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-zµμ][A-Za-zµμ/ ]*)?")
# The usual units here, for pint takes a third of a second to get ready; it knows the unusual ones.
_COMMON: dict[str, dict[str, float]] = {
    "byte": {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "byte": 1, "bytes": 1, "B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9},
    "MHz": {"MHz": 1, "GHz": 1e3, "kHz": 1e-3, "Hz": 1e-6},
    "byte/second": {"GB/s": 1e9, "MB/s": 1e6, "kB/s": 1e3, "TB/s": 1e12, "B/s": 1, "MiB/s": 2**20, "GiB/s": 2**30},
    "ns": {"ns": 1, "us": 1e3, "ps": 1e-3, "ms": 1e6, "s": 1e9},
    "mW": {"mW": 1, "W": 1e3, "uW": 1e-3},
}
_KEYWORDS = {"ge": "minimum", "le": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}
_EXAMPLES = {"byte": "64 KiB", "MHz": "500 MHz", "byte/second": "19.2 GB/s", "ns": "30 ns", "mW": "1.5 W"}


@cache
def _registry() -> Any:
    import pint  # slow to import, and only files with unusual units need it

    return pint.UnitRegistry()


@dataclass(frozen=True)
class Quantity:
    """Annotation of a number that may be written with a unit; ``whole`` refuses fractions."""

    unit: str
    whole: bool = False

    @property
    def example(self) -> str:
        return _EXAMPLES.get(self.unit, f"64 {self.unit}")

    @property
    def plural(self) -> str:
        return self.unit.replace("byte", "bytes")

    def convert(self, found: Any) -> Any:
        """A number of ``unit`` from text; anything else passes."""
        if not isinstance(found, str):
            return found
        number = self._parsed(found)
        if not self.whole:
            return number
        if abs(number - round(number)) > 1e-6:
            raise PydanticCustomError("quantity", "{why}", {"why": f", which is not a whole number of {self.plural}"})
        return round(number)

    def _parsed(self, text: str) -> float:
        match = _QUANTITY.fullmatch(text.strip())
        if not match:
            raise PydanticCustomError("quantity", "{why}", {"why": ""})
        number = float(match[1]) * (_factor(match[2].strip(), self.unit) if match[2] else 1.0)
        if not math.isfinite(number):
            raise PydanticCustomError("quantity", "{why}", {"why": ", which is too large"})
        return number

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.convert, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        # A limit behind a validator comes out under pydantic's own name, which is no keyword of JSON Schema.
        number = {_KEYWORDS.get(word, word): rule for word, rule in handler(schema).items()}
        return {"anyOf": [number, {"type": "string", "pattern": r"^\s*[+-]?[0-9.]", "examples": [self.example]}]}


@cache
def _factor(unit: str, wanted: str) -> float:
    """How many ``wanted`` one ``unit`` is."""
    known = _COMMON.get(wanted, {})
    if unit in known:
        return known[unit]
    try:
        given = _registry().Quantity(1, unit)
        if _counts_bits(given) != _counts_bits(_registry().Quantity(1, wanted)):
            raise ValueError("pint's bits have no dimension, so it takes GHz for a rate of bits")
        return float(given.to(wanted).magnitude)
    except Exception as error:  # pint raises many kinds for text that is no unit, and its tokenizer others
        hint = nearest(next((name for name in known if name.lower() == unit.lower()), unit), known)
        why = f": {unit} is not a unit of {wanted}{hint}"
        raise PydanticCustomError("quantity", "{why}", {"why": why}) from error


def _counts_bits(given: Any) -> bool:
    return "bit" in str(given.to_base_units().units)


def quantity(unit: str, *, whole: bool = False) -> Quantity:
    """A validator that turns text such as ``"256 KiB"`` into a number of ``unit``; plain numbers pass.

    ``whole`` makes the result an int and refuses fractions.
    """
    return Quantity(unit, whole)
