"""Options of a sweep that make no sense, refused before any work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from accelsim.errors import UserError
from accelsim.studies.sweep.asked import Asked
from accelsim.training.trackers import check_trackers


def text_list(name: str, given: Any) -> tuple[str, ...]:
    """The argument ``name``, which takes several texts.

    Raises:
        UserError: it is one text, or no sequence of texts.
    """
    if isinstance(given, str) or not isinstance(given, Sequence) or not all(isinstance(one, str) for one in given):
        raise UserError(f"{name}: a list of texts is wanted, not {given!r}")
    return tuple(given)


def check_asked(asked: Asked) -> None:
    """Refuse options that contradict each other.

    Raises:
        UserError: nothing varies, a field is both set and varied, or a number is out of its range.
    """
    _check_numbers(asked)
    check_trackers(asked.track)
    if asked.timing_only:
        _check_timing_only(asked)
    if not asked.varied and len(asked.seeds) < 2:
        raise UserError("a sweep varies something; give --vary path.to.field=value,value,... or --seeds 3")
    for setting in asked.settings:
        path = setting.partition("=")[0].strip()
        owner = next((one.name for one in asked.varied if path in one.fields), None)
        if owner:
            raise UserError(f"--set {setting}: {path} is varied by --vary {owner}; leave one of them out")
    if asked.seeds and "seed" in asked.fields:
        raise UserError("--vary seed: --seeds varies it already; leave one of them out")


def _check_numbers(asked: Asked) -> None:
    if asked.steps is not None and asked.steps < 1:
        raise UserError(f"--steps: at least 1 is wanted, not {asked.steps}")
    if asked.quantisers_every is not None and asked.quantisers_every < 1:
        raise UserError(f"--quantisers-every: at least 1 is wanted, not {asked.quantisers_every}")


def _check_timing_only(asked: Asked) -> None:
    training = {
        "seeds": asked.seeds or None,
        "epochs": asked.epochs,
        "steps": asked.steps,
        "data": asked.data,
        "quantisers-every": asked.quantisers_every,
        "track": asked.track or None,
    }
    for name, value in training.items():
        if value is not None:
            raise UserError(f"--timing-only trains nothing, so no figure depends on --{name}; leave one of them out")
