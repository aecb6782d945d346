"""What quantisation lost of each tensor, with the role and the layer that the dtype table gives it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from accelsim.reports.figures.aggregate import label, numbers
from accelsim.reports.result import Result

EXACT_DB = 160.0
"""Shown for a tensor without any quantisation error, whose ratio is infinite."""


def lost_by_tensor(result: Result) -> pd.DataFrame:
    """One row a tensor that the last recorded step quantised, in the order of the step.

    Columns: ``tensor``, ``role``, ``layer``, ``ratio_db``, percents.
    """
    last = result.quantisers["step"] == result.quantisers["step"].max()
    counted, known = result.quantisers[last], result.dtypes.drop_duplicates("tensor").set_index("tensor")
    elements = numbers(counted, "elements").clip(lower=1)
    described = {name: counted["tensor"].map(known[name]) for name in ("role", "layer")}
    return pd.DataFrame(
        {
            "tensor": counted["tensor"],
            "role": described["role"].fillna("other"),
            "layer": described["layer"].fillna(counted["tensor"].str.rpartition(".")[0]),
            "ratio_db": np.minimum(numbers(counted, "sqnr_db"), EXACT_DB),
            "zero_percent": 100 * numbers(counted, "underflowed") / elements,
            "saturated_percent": 100 * numbers(counted, "saturated") / elements,
        }
    ).reset_index(drop=True)


def layer_starts(lost: pd.DataFrame, most: int) -> tuple[list[int], list[str]]:
    """Places and names for ticks: where the step comes to a layer, thinned evenly to ``most``."""
    first = lost.index[lost["layer"] != lost["layer"].shift()]
    chosen = first[:: max(1, -(-len(first) // most))]
    return [int(place) for place in chosen], [label(name) for name in lost["layer"].loc[chosen]]
