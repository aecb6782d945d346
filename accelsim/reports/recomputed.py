"""Which figures count products that the network does again, and what to say of them."""

from __future__ import annotations

from collections.abc import Sequence

from accelsim.reports.result import Result

COUNTED = frozenset({"macs_per_step", "achieved_tops", "mac_utilisation", "tops_per_w"})
"""Figures of products, which rise as a network recomputes, though it learns no more from them."""


def recomputes(result: Result) -> bool:
    """Whether the step has a phase of recomputation."""
    return not result.layers.empty and "recompute" in set(result.layers["phase"])


def counts_again(key: str, result: Result) -> str:
    """What goes behind the definition of such a figure; empty where nothing is done again."""
    return "; MACs of recomputation count, too" if key in COUNTED and recomputes(result) else ""


NOTE = (
    "Of a network that recomputes, compute rate, MAC utilisation and energy efficiency count the products done again, "
    "too: time and energy per step say what it costs."
)


def recompute_notes(results: Sequence[Result]) -> list[str]:
    """What a reader has to know who compares runs of which at least one recomputes."""
    return [NOTE] if any(map(recomputes, results)) else []
