"""Stretches of cycles, from the first up to the one after the last."""

from __future__ import annotations

from collections.abc import Iterable

from accelsim.timing.timeline import OperationTiming

Span = tuple[int, int]


def spans_of(timings: Iterable[OperationTiming]) -> list[Span]:
    """When each of the operations ran."""
    return [(timing.start_cycle, timing.end_cycle) for timing in timings]


def fetching_spans(timings: Iterable[OperationTiming]) -> list[Span]:
    """The same, from the first fetch on."""
    return [(timing.fetch_cycle, timing.end_cycle) for timing in timings]


def merged(spans: Iterable[Span]) -> list[Span]:
    """The cycles in which at least one span runs, as spans in order that neither overlap nor touch."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        elif end > start:
            found.append((start, end))
    return found


def length_cycles(spans: Iterable[Span]) -> int:
    """Cycles of all spans together."""
    return sum(end - start for start, end in spans)


def common_cycles(span: Span, others: Iterable[Span]) -> int:
    """Cycles of ``span`` in which one of ``others``, which don't overlap, runs too."""
    start, end = span
    return sum(max(0, min(end, other[1]) - max(start, other[0])) for other in others)
