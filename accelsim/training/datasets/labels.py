"""Check the labels that a data file holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import UserError


def check_labels(path: Path, labels: NDArray[np.uint8], classes: int) -> None:
    """Check that every label of ``path``, (n,), is below ``classes``.

    Raises:
        UserError: one isn't; the message says which.
    """
    wrong = np.flatnonzero(labels >= classes)
    if wrong.size:
        where = int(wrong[0])
        raise UserError(
            f"{path}: label out of range: found {labels[where]} for image {where}, expected 0..{classes - 1}"
        )
