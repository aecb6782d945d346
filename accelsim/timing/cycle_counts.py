"""Every count of cycles that an operation's timing has, by name."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

from accelsim.timing.timeline import OperationTiming

ENDING = "_cycles"


def cycle_counts(timing: OperationTiming) -> dict[str, int]:
    """Its ``..._cycles``: work, waits, all stalls, and ``stall_<cause>_cycles`` for each cause that is told apart."""
    counts = _counts(timing) | {"stall_cycles": timing.stall_cycles}
    causes = getattr(timing, "stalls", None)
    return counts | ({f"stall_{name}": cycles for name, cycles in _counts(causes).items()} if causes else {})


def _counts(holder: object) -> dict[str, int]:
    if not is_dataclass(holder):
        raise TypeError(f"{type(holder).__name__} has no fields")
    return {field.name: getattr(holder, field.name) for field in fields(holder) if field.name.endswith(ENDING)}
