"""Which settings tell runs apart: fields of their hwconfigs and workloads that differ, as ``--set`` writes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from accelsim.reports.result import Result

MOST_SHOWN = 3
"""Settings that a label lists before it only counts the rest."""
_LONGEST_VALUE = 20
_OPTIONAL = ("cluster", "numerics.loss_scale")
"""Sections that a file may leave out, with many fields that have defaults."""
_DESCRIPTIVE = frozenset({"name", "description"})
Fields = dict[str, object]


def differing_settings(results: Sequence[Result]) -> list[Fields]:
    """Of each result the fields (by dotted path) in which they are not all alike; what a result lacks is left out.

    Of a section that some lack altogether, such as a cluster, the first field tells that it is there; of the others
    only those count in which the results that have it differ.
    """
    fields = [{**_flat(result.hwconfig), **_flat(result.workload)} for result in results]
    paths = dict.fromkeys(path for found in fields for path in found)
    differing = [path for path in paths if len({repr(found.get(path)) for found in fields}) > 1]
    differing = [path for path in differing if _tells(path, fields)]
    return [{path: found[path] for path in differing if path in found} for found in fields]


def _tells(path: str, fields: Sequence[Fields]) -> bool:
    section = next((name for name in _OPTIONAL if path.startswith(f"{name}.")), None)
    if section is None or all(path in found for found in fields):
        return True
    having = [found for found in fields if path in found]
    first = next(other for other in having[0] if other.startswith(f"{section}."))
    return path == first or len({repr(found[path]) for found in having}) > 1


def shown_settings(settings: Fields) -> str:
    """``numerics.activation.format=int4, batch_size=64``: the first of them, and how many more there are."""
    shown = [f"{path}={_text(value)}" for path, value in settings.items()]
    more = len(shown) - MOST_SHOWN
    return ", ".join(shown[:MOST_SHOWN] + ([f"{more} more"] if more > 0 else []))


def _flat(section: Mapping[str, object]) -> Fields:
    return {path: value for path, value in _leaves(section, "") if path not in _DESCRIPTIVE}


def _leaves(value: object, path: str) -> Iterator[tuple[str, object]]:
    """Leaves with their dotted paths; an empty list or mapping is a leaf."""
    items: list[tuple[object, object]] = []
    if isinstance(value, Mapping):
        items = list(value.items())
    elif isinstance(value, list | tuple):
        items = list(enumerate(value))
    if not items:
        yield path, value
    for name, item in items:
        yield from _leaves(item, f"{path}.{name}" if path else str(name))


def _text(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else "none" if value is None else str(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"
