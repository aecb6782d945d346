"""A short, unique name for each compared result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from accelsim.errors import UserError
from accelsim.reports.compare.settings import differing_settings, shown_settings
from accelsim.reports.result import Result


def unique_labels(results: Sequence[Result]) -> list[str]:
    """The hwconfig's name; with the workload's where these differ, and the settings that tell it from its namesakes.

    Runs that no setting tells apart are numbered.

    Raises:
        UserError: there is nothing to compare.
    """
    if not results:
        raise UserError("nothing to compare: give at least one run")
    several = len({str(result.workload["name"]) for result in results}) > 1
    names = [result.name if several else str(result.hwconfig["name"]) for result in results]
    return _numbered(_with_settings(names, results))


def _with_settings(names: Sequence[str], results: Sequence[Result]) -> list[str]:
    """Each name that several results have, with the settings in which those differ."""
    labels = list(names)
    for name, count in Counter(names).items():
        if count > 1:
            places = [index for index, other in enumerate(names) if other == name]
            settings = differing_settings([results[index] for index in places])
            for index, found in zip(places, settings, strict=True):
                labels[index] = f"{name} ({shown_settings(found)})" if found else name
    return labels


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
