"""Quantities in files: ``256 KiB``, ``700 MHz``, ``19.2 GB/s``, or a plain number in the field's own unit."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError


@cache
def _registry() -> Any:
    import pint  # slow to import, and only files need it

    return pint.UnitRegistry()


def quantity(unit: str, *, whole: bool = False) -> BeforeValidator:
    """A validator that turns text such as ``"256 KiB"`` into a number of ``unit``; plain numbers pass.

    ``whole`` makes the result an int and refuses fractions.
    """

    def convert(found: Any) -> Any:
        if not isinstance(found, str):
            return found
        number = _parse(found, unit)
        if not whole:
            return number
        if abs(number - round(number)) > 1e-6:
            raise PydanticCustomError("quantity", "is not a whole number of {unit}", {"unit": unit})
        return round(number)

    return BeforeValidator(convert)


def _parse(text: str, unit: str) -> float:
    try:
        return float(_registry().Quantity(text).to(unit).magnitude)
    except Exception as error:  # pint raises many kinds, and tokenizer errors, for text that is no quantity
        message = "is not a quantity in {unit}, for instance {example}"
        raise PydanticCustomError("quantity", message, {"unit": unit, "example": f"'64 {unit}'"}) from error
