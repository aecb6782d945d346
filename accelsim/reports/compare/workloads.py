"""The work that compared runs did, and a warning where it isn't the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from accelsim.reports.result import Result

_SAME_WORK = frozenset({"name", "description", "seed"})
"""Fields that may differ between runs of the same work."""


def workload_names(results: Sequence[Result]) -> str:
    """The workloads, each once: ``digits_cnn, gpt2_small``."""
    return ", ".join(dict.fromkeys(str(result.workload["name"]) for result in results))


def work_of(result: Result) -> dict[str, Any]:
    """The fields of the workload that runs of the same work have in common."""
    return {key: value for key, value in result.workload.items() if key not in _SAME_WORK}


def workload_warning(results: Sequence[Result]) -> str:
    """What differs between the workloads, or an empty string."""
    first, *others = map(work_of, results)
    keys = dict.fromkeys(key for work in (first, *others) for key in work)
    differing = [key for key in keys if any(other.get(key) != first.get(key) for other in others)]
    if not differing:
        return ""
    return (
        f"The runs did different work ({workload_names(results)}; what differs: {', '.join(differing)}): "
        "their figures don't compare like for like."
    )
