"""One NumPy ``.npz`` file with ``x_train``, ``y_train``, ``x_test`` and ``y_test``, as Keras's data sets are packed.

``x`` holds unsigned bytes, (n, height, width) or (n, height, width, channels); ``y`` whole numbers from 0, (n,) or
(n, 1). Arrays of objects are pickle, which can run code, and are refused.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import UserError
from accelsim.training.datasets.dataset import Dataset, Split
from accelsim.training.datasets.kind import DatasetKind

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
LARGEST_CLASSES = 1 << 16


def load_npz(place: Path | None) -> Dataset:
    """Return the data set in ``place``: a ``.npz`` file, or a folder with one of them.

    Raises:
        UserError: there is no file, or several, or its arrays are missing or of the wrong kind.
    """
    if place is None:
        raise UserError("no folder or file given")
    path = _only_file(place) if place.is_dir() else place
    arrays = _read(path)
    x_train, y_train, x_test, y_test = (arrays[name] for name in ARRAYS)
    train, test = _split(path, "train", x_train, y_train), _split(path, "test", x_test, y_test)
    if train.images.shape[1:] != test.images.shape[1:]:
        found = " and ".join(str(split.images.shape[1:]) for split in (train, test))
        raise UserError(f"{path}: found images of shape {found} to train and to test, expected one shape")
    classes = 1 + int(max(train.labels.max(), test.labels.max()))
    return Dataset.from_splits(KIND.name, classes, train, test)


def _only_file(folder: Path) -> Path:
    found = sorted(folder.glob("*.npz"))
    if len(found) != 1:
        names = f": {', '.join(path.name for path in found)}" if found else ""
        raise UserError(f"{folder}: found {len(found)} .npz files{names}, expected one")
    return found[0]


def _read(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with path.open("rb") as opened:
            file = np.load(opened, allow_pickle=False)
            if isinstance(file, np.ndarray):
                raise UserError(f"{path}: found one array, expected a .npz file with {', '.join(ARRAYS)}")
            missing = [name for name in ARRAYS if name not in file.files]
            if missing:
                found = ", ".join(file.files) or "nothing"
                raise UserError(f"{path}: found {found}; expected also {', '.join(missing)}")
            return {name: file[name] for name in ARRAYS}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{path}: not a .npz file that can be read: {error}") from error


def _split(path: Path, name: str, pixels: NDArray[Any], labels: NDArray[Any]) -> Split:
    if pixels.dtype != np.uint8 or pixels.ndim not in (3, 4) or not pixels.size:
        found = f"{pixels.dtype} of shape {pixels.shape}"
        expected = "uint8 pixels, (n, height, width) or (n, height, width, channels)"
        raise UserError(f"{path}: x_{name}: found {found}, expected {expected}")
    if labels.dtype.kind not in "iu" or labels.shape not in ((len(pixels),), (len(pixels), 1)):
        found = f"{labels.dtype} of shape {labels.shape}"
        raise UserError(f"{path}: y_{name}: found {found}, expected {len(pixels)} whole numbers, one for each image")
    labels = labels.reshape(-1)
    wrong = np.flatnonzero((labels < 0) | (labels >= LARGEST_CLASSES))
    if wrong.size:
        at = int(wrong[0])
        raise UserError(f"{path}: y_{name}: found {labels[at]} for image {at}, expected 0..{LARGEST_CLASSES - 1}")
    images = pixels if pixels.ndim == 4 else pixels[..., np.newaxis]
    return Split(np.ascontiguousarray(images), labels.astype(np.int64))


KIND = DatasetKind(
    "npz",
    None,
    None,
    load_npz,
    f"give a NumPy .npz file with {', '.join(ARRAYS)}, or a folder with one",
    images_of_file=True,
    ending=".npz",
)
"""The registry entry: images are as large, and classes as many, as the file and the network say."""
