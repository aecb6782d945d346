"""Figures of a precision study put together: by class or layer and bits; and the bits that each needs."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from accelsim.reports.precision.classes import CLASSES

ALL_LAYERS = "all layers"
DEFAULT_COSINE = 0.98
"""Rule of thumb: about the mean backward cosine that the authors' sweep has at 8 bits (0.985 on their poster), where
accuracy was whole. It began to fall below about 0.88, so this is on the safe side."""

NEEDED_COLUMNS = (
    "class",
    "layer",
    "machine_format",
    "machine_bits",
    "bits_needed",
    "spare_bits",
    "cosine_mean",
    "cosine_sd",
    "cosine_least",
    "tensors",
)


def aggregated(precision: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Cosine by ``by`` (in order of first appearance): mean, standard deviation of the tensors at hand, least, count.

    A tensor of zeros has no direction and does not count.
    """
    known = precision.dropna(subset="cosine")
    grouped = known.groupby(list(by), sort=False)["cosine"]
    found = pd.DataFrame({"mean": grouped.mean(), "sd": grouped.std(ddof=0), "least": grouped.min()})
    return found.assign(tensors=grouped.size()).reset_index()


def by_class(precision: pd.DataFrame) -> pd.DataFrame:
    """A row for each class, in the order of tables, and number of bits."""
    found = aggregated(precision, ["class", "bits"])
    order = {name: place for place, name in enumerate(CLASSES)}
    return found.sort_values(["class", "bits"], key=lambda column: column.map(order).fillna(column)).reset_index(
        drop=True
    )


def needed_bits(precision: pd.DataFrame, cosine: float = DEFAULT_COSINE) -> pd.DataFrame:
    """A row for each class as a whole, then for each class and layer: the fewest bits that are enough.

    Enough is where, and from there on, the mean cosine less one standard deviation is at least ``cosine``.

    ``bits_needed`` is missing where none of the bits at hand is enough; ``cosine_...`` are those of the bits needed, or
    else of the most. ``spare_bits``: what the machine's format has beyond the need.
    """
    whole = _needed(precision.assign(layer=ALL_LAYERS), cosine)
    found = pd.concat([whole, _needed(precision, cosine)], ignore_index=True)
    order = {name: place for place, name in enumerate(CLASSES)}
    found = found.sort_values("class", key=lambda column: column.map(order), kind="stable")
    return found[list(NEEDED_COLUMNS)].reset_index(drop=True)


def _needed(precision: pd.DataFrame, cosine: float) -> pd.DataFrame:
    keys = ["class", "layer"]
    found = aggregated(precision, [*keys, "bits"])
    rows = [_need(group.sort_values("bits"), cosine) for _, group in found.groupby(keys, sort=False)]
    machine = precision.drop_duplicates(keys)[[*keys, "machine_format", "machine_bits"]]
    needed = pd.DataFrame(rows, columns=[*keys, *NEEDED_COLUMNS[4:5], *NEEDED_COLUMNS[6:]]).merge(machine, on=keys)
    return needed.assign(spare_bits=needed["machine_bits"] - needed["bits_needed"])


def _need(rows: pd.DataFrame, cosine: float) -> tuple[object, ...]:
    """Class, layer, bits needed and the cosines there; ``rows`` has one for each number of bits, the fewest first."""
    enough = (rows["mean"] - rows["sd"] >= cosine)[::-1].cummin()[::-1]
    at = rows[enough].iloc[0] if enough.any() else rows.iloc[-1]
    bits = float(at["bits"]) if enough.any() else float("nan")
    return at["class"], at["layer"], bits, at["mean"], at["sd"], at["least"], at["tensors"]
