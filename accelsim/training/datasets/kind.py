"""What is known of a data set without reading it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from accelsim.training.datasets.dataset import Dataset

Loader = Callable[[Path | None], Dataset]
"""Reads a data set from a folder, or from its usual place where None is given."""


@dataclass(frozen=True)
class DatasetKind:
    """One kind of data set that workload files can name."""

    name: str
    """Name in workload files."""
    image_shape: tuple[int, ...] | None
    """Height, width and channels of one image; None for texts, which are cut as the network wants them."""
    classes: int | None
    """Number of classes; None where the network says."""
    load: Loader
    """Reads the data; raises UserError where it can't."""
