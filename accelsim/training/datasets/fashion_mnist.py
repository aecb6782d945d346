"""Fashion-MNIST, and MNIST, which has the same layout: 28x28 images of one channel in four idx files."""

from __future__ import annotations

from pathlib import Path

from accelsim.errors import UserError
from accelsim.training.datasets.dataset import Dataset
from accelsim.training.datasets.idx import read_split
from accelsim.training.datasets.kind import DatasetKind

DEBIAN_PACKAGE = "dataset-fashion-mnist"
"""Debian package that holds the four files."""
DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
"""Where it puts them."""
FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
"""The files of a folder, each also taken without ``.gz``."""


def load_fashion_mnist(folder: Path | None) -> Dataset:
    """Return the data set in ``folder``, or in the Debian package's folder where that is None.

    Raises:
        UserError: there is no folder to read, or its files are missing or faulty.
    """
    train_images, train_labels, test_images, test_labels = _files(_usual_folder() if folder is None else folder)
    train = read_split(train_images, train_labels, KIND.image_shape, KIND.classes)
    test = read_split(test_images, test_labels, KIND.image_shape, KIND.classes)
    return Dataset.from_splits(KIND.name, KIND.classes, train, test)


def _usual_folder() -> Path:
    if DEBIAN_FOLDER.is_dir():
        return DEBIAN_FOLDER
    raise UserError(
        f"data set fashion_mnist: no folder given, and {DEBIAN_FOLDER} does not exist; install the Debian package "
        f"{DEBIAN_PACKAGE}, or give a folder (dataset.folder in the workload file, or --data) with {', '.join(FILES)}"
    )


def _files(folder: Path) -> list[Path]:
    """Return the paths of the four files in ``folder``, in the order of ``FILES``."""
    choices = [(folder / name, folder / name.removesuffix(".gz")) for name in FILES]
    found = [next((path for path in pair if path.is_file()), None) for pair in choices]
    missing = [name for name, path in zip(FILES, found, strict=True) if path is None]
    if missing:
        raise UserError(
            f"{folder}: found {len(FILES) - len(missing)} of the {len(FILES)} files of this data set, "
            f"expected also {', '.join(missing)} (with or without .gz)"
        )
    return [path for path in found if path is not None]


KIND = DatasetKind("fashion_mnist", image_shape=(28, 28, 1), classes=10, load=load_fashion_mnist)
"""Fashion-MNIST's registry entry."""
