"""Faults that several fields have together: a validator names the field to blame, for each fault."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from accelsim.yamlfile.wording import MISFIT


class Fault(NamedTuple):
    """What is wrong with one field, given the others."""

    field: tuple[str | int, ...]
    text: str


def refuse(model: str, faults: Sequence[Fault]) -> None:
    """Raise one ValidationError for all ``faults``, if there are any; pydantic merges it into its own."""
    if faults:
        details = [
            InitErrorDetails(type=PydanticCustomError(MISFIT, "{text}", {"text": text}), loc=field, input=None)
            for field, text in faults
        ]
        raise ValidationError.from_exception_data(model, details)
