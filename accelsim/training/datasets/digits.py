"""scikit-learn's handwritten digits: 1797 images of 8x8, inside the package, so nothing needs fetching."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from accelsim.errors import UserError
from accelsim.training.datasets.dataset import Dataset, Split
from accelsim.training.datasets.kind import DatasetKind

IMAGE_SHAPE, CLASSES = (8, 8, 1), 10
TEST_IMAGES = 360
"""Images held out, the last of a fixed permutation."""
_DARKEST = 16


def load_digits(folder: Path | None) -> Dataset:
    """Return the digits: 1437 training and 360 test images, the same split every time.

    Pixels 0..16 become ``round(value * 255 / 16)`` (8, the only tie, becomes 128).

    Raises:
        UserError: a folder is given.
    """
    if folder is not None:
        raise UserError(f"data set digits is part of scikit-learn and takes no folder (found {folder}); leave it out")
    from sklearn import datasets  # importing scikit-learn takes about a second

    bunch = datasets.load_digits()
    images = np.rint(bunch.images * 255 / _DARKEST).astype(np.uint8)[..., np.newaxis]
    labels = bunch.target.astype(np.int64)
    order = np.random.Generator(np.random.PCG64(0)).permutation(len(labels))
    train, test = (Split(images[part], labels[part]) for part in (order[:-TEST_IMAGES], order[-TEST_IMAGES:]))
    return Dataset.from_splits(KIND.name, CLASSES, train, test)


KIND = DatasetKind("digits", image_shape=IMAGE_SHAPE, classes=CLASSES, load=load_digits)
"""The digits' registry entry."""
