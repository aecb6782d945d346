"""A machine that runs as one with less hardware, and leaves idle what it has beyond that one.

That is asked for, or it is one that settings gave more than its file does: where no schedule as short as that of the
file's machine is found for it, it runs as that one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from accelsim.errors import UserError
from accelsim.hardware import HardwareConfig, has_at_least, load_hwconfig
from accelsim.reports.run_folder import RUNS_AS_FILE, load_summary
from accelsim.training.changes import changed_fields

UNSET = "-without-set"
"""Added to the name of a machine that isn't changed by settings."""


def lesser_machine(hw: HardwareConfig, runs_as: HardwareConfig | Path | str) -> HardwareConfig | None:
    """The machine that ``hw`` runs as; None where that is the same one, be it by another name.

    Raises:
        UserError: ``hw`` lacks something that it has.
    """
    lesser = runs_as if isinstance(runs_as, HardwareConfig) else load_hwconfig(runs_as)
    changed = what_differs(lesser, hw)
    if not has_at_least(hw, lesser):
        raise UserError(
            f"runs_as: {lesser.name} has more of something than {hw.name}, or other numerics; what differs: {changed}"
        )
    return lesser if changed else None


def unset_machine(
    hwconfig: HardwareConfig | Path | str, settings: Sequence[str], hw: HardwareConfig
) -> HardwareConfig | None:
    """The machine of the file alone, of which ``settings`` made ``hw``; None where that one has no more."""
    if not settings or isinstance(hwconfig, HardwareConfig):
        return None
    try:
        unset = load_hwconfig(hwconfig)
    except UserError:  # a file may ask for settings
        return None
    if not has_at_least(hw, unset) or has_at_least(unset, hw):
        return None
    return unset.model_copy(update={"name": f"{unset.name[: 100 - len(UNSET)]}{UNSET}"})


def what_differs(lesser: HardwareConfig, hw: HardwareConfig) -> str:
    """The fields in which two machines differ, but for what they are called; empty where they are the same."""
    return changed_fields(_nameless(lesser), _nameless(hw))


def stored_lesser(folder: Path) -> HardwareConfig | str | None:
    """The machine that the run in ``folder`` ran as, or its name where an older version kept no more.

    Raises:
        UserError: a file is missing or broken.
    """
    name: str | None = load_summary(folder).get("runs_as")
    kept = folder / RUNS_AS_FILE
    return load_hwconfig(kept) if name is not None and kept.is_file() else name


def told_apart(stored: HardwareConfig | str | None, asked: HardwareConfig | None) -> tuple[Any, Any]:
    """What to hold two machines to run as against each other by: all but what they are called.

    That is their names where one is not known beyond it, or there is none.
    """
    if isinstance(stored, HardwareConfig) and asked is not None:
        return _nameless(stored), _nameless(asked)
    return stored.name if isinstance(stored, HardwareConfig) else stored, None if asked is None else asked.name


def _nameless(hw: HardwareConfig) -> dict[str, Any]:
    return hw.model_dump(mode="json", exclude={"name", "description"})
