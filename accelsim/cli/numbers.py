"""Lists of numbers as options take them: ``2-12,16``."""

from __future__ import annotations

from typing import Literal

from accelsim.errors import UserError

LARGEST = 1_000_000_000
LONGEST = 10_000
"""Numbers that one option may list."""


def number_list(option: str, text: str) -> list[int]:
    """Whole numbers and ranges of them, both ends included, separated by commas.

    Raises:
        UserError: it is something else.
    """
    found: list[int] = []
    for part in text.split(","):
        ends = part.strip().split("-")
        if len(ends) > 2 or not all(end.strip().isascii() and end.strip().isdigit() for end in ends):
            raise UserError(f"{option}: found {part.strip()!r}; allowed are whole numbers and ranges, as 2-12,16")
        low, high = int(ends[0]), int(ends[-1])
        if high < low:
            raise UserError(f"{option}: found {part.strip()!r}, which ends before it begins")
        if high > LARGEST or len(found) + high - low >= LONGEST:
            raise UserError(f"{option}: found {part.strip()!r}; at most {LONGEST:,} numbers up to {LARGEST:,}")
        found += range(low, high + 1)
    return found


def seeds_asked(text: str) -> list[int] | int:
    """What ``--seeds`` says: one number is how many, anything else a list of them.

    Raises:
        UserError: neither.
    """
    numbers = number_list("--seeds", text)
    return numbers[0] if text.strip().isdigit() else numbers


def step_list(option: str, text: str) -> list[int | Literal["last"]]:
    """The same, where ``last`` stands for the last step.

    Raises:
        UserError: it is something else.
    """
    found: list[int | Literal["last"]] = []
    for part in text.split(","):
        found += ["last"] if part.strip() == "last" else number_list(option, part)
    return found
