"""How products were cut into tiles, for the page."""

from __future__ import annotations

from accelsim.reports.figures.aggregate import phase_title
from accelsim.reports.result import Result
from accelsim.reports.units import human_count, human_percent

MAPPING_HEADER = [
    "Layer",
    "Phase",
    "Products",
    "m × k × n",
    "Tile",
    "Tiles",
    "Outer loop",
    "Folds a tile",
    "Places used",
]
MAPPING_NUMERIC = (2, 3, 4, 5, 7, 8)
MAPPING_NOTE = (
    "Every product, (m × k) by (k × n), with the tile that takes the fewest cycles alone on this machine; of those as "
    "fast, the one of least DRAM traffic. k is the innermost loop over tiles. Folds, and the share of the array's "
    "places that hold work, are those of a whole tile."
)


def mapping_rows(result: Result) -> list[list[str]]:
    """One row for all equal products of an operation, in issue order; empty where none is recorded."""
    return [
        [
            str(row["layer"]),
            phase_title(str(row["phase"])),
            str(row["products"]),
            " × ".join(str(row[axis]) for axis in ("m", "k", "n")),
            " × ".join(str(row[f"tile_{axis}"]) for axis in ("m", "k", "n")),
            human_count(row["tiles"]),
            str(row["outer_axis"]),
            human_count(row["folds_per_tile"]),
            human_percent(row["mapping_efficiency"]),
        ]
        for row in result.mapping.to_dict("records")
    ]
