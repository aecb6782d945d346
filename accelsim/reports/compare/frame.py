"""The comparison as a DataFrame."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from accelsim.reports.compare.labels import unique_labels
from accelsim.reports.compare.metrics import METRICS
from accelsim.reports.result import Result
from accelsim.reports.spread import within_spread


def comparison(results: Sequence[Result]) -> pd.DataFrame:
    """One row a metric: ``metric``, ``unit``, a value for each result, then differences and ratios to the first.

    The columns are called after the runs' labels (``int8``, ``int8 difference``, ``int8 ratio``): the hwconfigs' names,
    with the workloads' where these differ, and the settings in which runs of the same name differ. Accuracy and
    utilisation are in percent, so their differences are percentage points. A value that a run lacks is NaN. A mean over
    seeds has its standard deviation in ``int8 spread``; where any result is one, ``int8 within spread`` tells of which
    differences to the first are no larger than the spread (``reports.spread``).

    Raises:
        UserError: there is nothing to compare.
    """
    labels = unique_labels(results)
    values = {
        label: [metric.value(result) for metric in METRICS] for label, result in zip(labels, results, strict=True)
    }
    columns: dict[str, Sequence[object]] = {
        "metric": [metric.title for metric in METRICS],
        "unit": [metric.unit for metric in METRICS],
        **values,
    }
    base = values[labels[0]]
    for label in labels[1:]:
        columns[f"{label} difference"] = [v - b for v, b in zip(values[label], base, strict=True)]
        columns[f"{label} ratio"] = [ratio(v, b) for v, b in zip(values[label], base, strict=True)]
    columns |= _spreads(results, labels, values)
    return pd.DataFrame(columns)


def _spreads(
    results: Sequence[Result], labels: Sequence[str], values: dict[str, list[float]]
) -> dict[str, Sequence[object]]:
    """The columns of the spread over seeds; none where no result is a mean."""
    spreads = {
        label: [metric.spread(result) for metric in METRICS] for label, result in zip(labels, results, strict=True)
    }
    columns: dict[str, Sequence[object]] = {
        f"{label} spread": spreads[label] for label, result in zip(labels, results, strict=True) if result.seeds
    }
    first = labels[0]
    for label in labels[1:] if columns else ():
        pairs = zip(values[label], spreads[label], values[first], spreads[first], strict=True)
        columns[f"{label} within spread"] = [within_spread(*pair) for pair in pairs]
    return columns


def ratio(value: float, base: float) -> float:
    """``value`` as a multiple of ``base``; NaN where there is no base to divide by."""
    return value / base if base and math.isfinite(base) else math.nan
