"""The work that compared runs did, and a warning where it isn't the same."""

from __future__ import annotations

from collections.abc import Sequence

from accelsim.reports.result import Result

_SAME_WORK = frozenset({"name", "description", "seed"})
"""Fields that may differ between runs of the same work."""


def workload_names(results: Sequence[Result]) -> str:
    """The workloads, each once: ``digits_cnn, gpt2_small``."""
    return ", ".join(dict.fromkeys(str(result.workload["name"]) for result in results))


def workload_warning(results: Sequence[Result]) -> str:
    """What differs between the workloads, or an empty string."""
    first = results[0].workload
    keys = [key for key in dict.fromkeys(k for r in results for k in r.workload) if key not in _SAME_WORK]
    differing = [key for key in keys if any(result.workload.get(key) != first.get(key) for result in results[1:])]
    if not differing:
        return ""
    return (
        f"The runs did different work ({workload_names(results)}; what differs: {', '.join(differing)}): "
        "their figures don't compare like for like."
    )
