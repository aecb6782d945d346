"""Look a data set up by the name that workload files use."""

from __future__ import annotations

from pathlib import Path

from accelsim.errors import UserError, nearest
from accelsim.training.datasets import cifar10, digits, fashion_mnist, imagenet_folder, text
from accelsim.training.datasets.dataset import Dataset
from accelsim.training.datasets.kind import DatasetKind, Loader

KINDS: list[DatasetKind] = [
    digits.KIND,
    fashion_mnist.KIND,
    cifar10.KIND,
    imagenet_folder.KIND,
    text.KIND,
]
"""Every kind of data set; a new one adds its line here."""
DATASETS: dict[str, Loader] = {kind.name: kind.load for kind in KINDS}
"""Loader of every kind by its name."""
_BY_NAME = {kind.name: kind for kind in KINDS}


def dataset_kind(name: str) -> DatasetKind:
    """Return the kind called ``name``.

    Raises:
        UserError: there is no such kind; the message names the nearest one.
    """
    if name not in _BY_NAME:
        raise UserError(f"no data set is called {name!r}; allowed: {', '.join(_BY_NAME)}{nearest(name, _BY_NAME)}")
    return _BY_NAME[name]


def load_dataset(kind: str, folder: Path | None) -> Dataset:
    """Return the data set of this kind, read from ``folder`` or from its usual place where that is None.

    Raises:
        UserError: there is no such kind or folder, or the files in it are missing or wrong.
    """
    found = dataset_kind(kind)
    try:
        if folder is not None and not folder.is_dir():
            fault = "this is not a folder" if folder.exists() else "there is no such folder"
            raise UserError(f"{folder}: {fault}; data set {kind} was to be read from it")
        return found.load(folder)
    except PermissionError as error:
        raise UserError(f"{error.filename or folder}: cannot be read: {error.strerror}") from error


def image_shape(kind: str) -> tuple[int, ...] | None:
    """Return height, width and channels of this kind's images, with no data on disk; None where the network says.

    Raises:
        UserError: there is no such kind.
    """
    return dataset_kind(kind).image_shape


def class_count(kind: str) -> int | None:
    """Return this kind's number of classes, with no data on disk; None where the network says.

    Raises:
        UserError: there is no such kind.
    """
    return dataset_kind(kind).classes
