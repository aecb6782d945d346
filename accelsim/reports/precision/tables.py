"""Rows of the tables of a precision study, for terminal and page alike."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from accelsim.reports.precision.aggregate import ALL_LAYERS
from accelsim.reports.precision.classes import CLASSES, GAUSSIAN_NEAR_ZERO, class_title
from accelsim.reports.precision.result import PrecisionResult
from accelsim.reports.units import human_percent

MOST_NEEDING = 8
NEEDED_HEADER = ("Class", "Layer", "Bits needed", "Machine", "Cosine", "Least")
SHAPE_HEADER = ("Class", "Excess kurtosis", "Near zero", "Largest / RMS", "Gaussian?")
NEAR_GAUSSIAN = 1.0
"""Largest excess kurtosis, either way, of what is called nearly Gaussian; that of a Laplace distribution is 3."""


def cosine_grid(result: PrecisionResult, digits: int = 4) -> tuple[list[str], list[list[str]]]:
    """Classes, and rows of mean cosine ± standard deviation: a row for each number of bits, a column for each class."""
    found = result.by_class
    classes = list(dict.fromkeys(found["class"]))
    cells = {(row["bits"], row["class"]): _cosine(row["mean"], row["sd"], digits) for _, row in found.iterrows()}
    rows = [[str(bits), *(cells.get((bits, name), "") for name in classes)] for bits in sorted(set(found["bits"]))]
    return classes, rows


def needed_rows(result: PrecisionResult, needed: pd.DataFrame, titles: Mapping[str, str] = CLASSES) -> list[list[str]]:
    """``NEEDED_HEADER``'s cells of rows of ``bits_needed``; of a class the layer that needs most, too."""
    most = most_bits(result)
    return [
        [
            titles.get(row["class"], row["class"]),
            row["layer"],
            needed_text(row["bits_needed"], most) + (worst_text(result, row) if row["layer"] == ALL_LAYERS else ""),
            row["machine_format"],
            _cosine(row["cosine_mean"], row["cosine_sd"]),
            f"{row['cosine_least']:.4f}",
        ]
        for _, row in needed.iterrows()
    ]


def worst_text(result: PrecisionResult, row: pd.Series[Any]) -> str:
    """``; most: 12, conv2d2``, the first layer that needs most in the class of ``row``; empty where all need it."""
    most = most_bits(result)
    for _, worst in most_needing(result, str(row["class"])).head(1).iterrows():
        bits = needed_text(worst["bits_needed"], most)
        return "" if bits == needed_text(row["bits_needed"], most) else f"; most: {bits}, {worst['layer']}"
    return ""


def class_needs(result: PrecisionResult) -> pd.DataFrame:
    """Rows of ``bits_needed`` for whole classes."""
    return result.bits_needed[result.bits_needed["layer"] == ALL_LAYERS]


def most_needing(result: PrecisionResult, name: str | None = None) -> pd.DataFrame:
    """The layers that need most bits, over all classes or in the class ``name``."""
    layers = result.bits_needed[result.bits_needed["layer"] != ALL_LAYERS]
    layers = layers if name is None else layers[layers["class"] == name]
    asked = layers["bits_needed"].fillna(math.inf)
    return layers.assign(asked=asked).sort_values("asked", ascending=False, kind="stable").head(MOST_NEEDING)


def needed_text(bits: float, most: int) -> str:
    """``6``, or ``more than 16``."""
    return f"more than {most}" if math.isnan(bits) else str(int(bits))


def most_bits(result: PrecisionResult) -> int:
    """The widest that was tried."""
    return int(max(result.summary["bits"]))


def shape_rows(result: PrecisionResult) -> list[list[str]]:
    """``SHAPE_HEADER``'s cells: medians over the tensors of each class."""
    tensors = result.precision.drop_duplicates(["step", "layer", "tensor", "class"])
    order = list(class_needs(result)["class"])
    columns = ["excess_kurtosis", "near_zero_share", "largest_over_rms"]
    medians = tensors.groupby("class", sort=False)[columns].median().reindex(order)
    return [_shape_row(str(name), row) for name, row in medians.iterrows()]


def shape_note() -> str:
    """What the columns of ``shape_rows`` mean."""
    return (
        "Medians over tensors and steps. Excess kurtosis is 0 for a Gaussian. Near zero: share of elements within a "
        f"tenth of the root mean square, {human_percent(GAUSSIAN_NEAR_ZERO)} for a Gaussian. Nearly Gaussian: excess "
        f"kurtosis from {-NEAR_GAUSSIAN:g} to {NEAR_GAUSSIAN:g} and at most twice that share near zero."
    )


def _shape_row(name: str, row: pd.Series[float]) -> list[str]:
    kurtosis, near, largest = row["excess_kurtosis"], row["near_zero_share"], row["largest_over_rms"]
    is_near = abs(kurtosis) <= NEAR_GAUSSIAN and near <= 2 * GAUSSIAN_NEAR_ZERO
    said = "" if math.isnan(kurtosis) else "nearly" if is_near else "no"
    return [class_title(name), f"{kurtosis:+.2f}", human_percent(near), f"{largest:.1f}", said]


def _cosine(mean: float, deviation: float, digits: int = 4) -> str:
    return f"{mean:.{digits}f} ± {deviation:.{digits}f}"


def rule_note(result: PrecisionResult) -> str:
    """What counts as enough."""
    return (
        "Bits needed: the fewest from which on the mean cosine less one standard deviation, over tensors and steps, "
        f"is at least {result.cosine:g}. A rule of thumb: in the sweep of the paper's authors 8 bits had a mean "
        "backward cosine of about 0.985, and accuracy began to fall only below about 0.88."
    )


def steps_text(steps: Sequence[int]) -> str:
    """``steps 1, 2 and 44``, or how many where they are many."""
    if len(steps) > 12:
        return f"{len(steps)} steps from {steps[0]} to {steps[-1]}"
    listed = [str(step) for step in steps]
    return f"step {listed[0]}" if len(listed) == 1 else f"steps {', '.join(listed[:-1])} and {listed[-1]}"
