"""A short, unique name for each compared result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from accelsim.errors import UserError
from accelsim.reports.result import Result


def unique_labels(results: Sequence[Result]) -> list[str]:
    """The hwconfig's name; with the workload where that is needed to tell, then with a number.

    Raises:
        UserError: there is nothing to compare.
    """
    if not results:
        raise UserError("nothing to compare: give at least one run")
    labels = [str(result.hwconfig["name"]) for result in results]
    if len(set(labels)) < len(labels) and len({str(result.workload["name"]) for result in results}) > 1:
        labels = [result.name for result in results]
    return _numbered(labels)


def _numbered(labels: list[str]) -> list[str]:
    """Later occurrences get #2, #3, ..., skipping names that are taken."""
    taken, seen, unique = set(labels), Counter[str](), list[str]()
    for label in labels:
        seen[label] += 1
        name = label
        while seen[label] > 1 and name in taken:
            name = f"{label} #{seen[label]}"
            seen[label] += name in taken
        taken.add(name)
        unique.append(name)
    return unique


def workload_warning(results: Sequence[Result]) -> str:
    """What differs between the workloads, or an empty string."""
    first = results[0].workload
    keys = list(dict.fromkeys(key for result in results for key in result.workload))
    differing = [key for key in keys if any(result.workload.get(key) != first.get(key) for result in results[1:])]
    if not differing:
        return ""
    return f"The workloads differ in {', '.join(differing)}: figures of different work don't compare like for like."
