"""Every count of cycles that an operation's timing has, by name."""

from __future__ import annotations

from dataclasses import fields

from accelsim.timing.timeline import OperationTiming

ENDING = "_cycles"
_NAMES = [field.name for field in fields(OperationTiming) if field.name.endswith(ENDING)]


def cycle_counts(timing: OperationTiming) -> dict[str, int]:
    """Its ``..._cycles``: work, waits, all stalls, and ``stall_<cause>_cycles`` for each cause that is told apart."""
    counts = {name: getattr(timing, name) for name in _NAMES}
    causes = {f"stall_{name}": cycles for name, cycles in timing.stalls.by_cause.items()}
    return counts | {"stall_cycles": timing.stall_cycles} | causes
