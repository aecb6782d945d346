"""Look a data set up by the name that workload files use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from accelsim.errors import UserError, nearest
from accelsim.training.datasets import cifar10, cifar100, digits, fashion_mnist, imagenet_folder, mnist, npz, text
from accelsim.training.datasets.dataset import Dataset
from accelsim.training.datasets.kind import DatasetKind, Loader, MissingPackageError

KINDS: list[DatasetKind] = [
    digits.KIND,
    fashion_mnist.KIND,
    cifar10.KIND,
    cifar100.KIND,
    mnist.KIND,
    imagenet_folder.KIND,
    npz.KIND,
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
        if folder is not None and not folder.is_dir() and not (found.ending and folder.suffix == found.ending):
            fault = "this is not a folder" if folder.exists() else "there is no such folder"
            raise UserError(f"{folder}: {fault}; data set {kind} was to be read from it")
        dataset = found.load(folder)
    except MissingPackageError:
        raise
    except PermissionError as error:
        raise UserError(f"{error.filename or folder}: cannot be read: {error.strerror}") from error
    except UserError as error:
        raise UserError(f"{_help(found, folder)}{error}") from error
    return replace(dataset, notes=(*dataset.notes, *_count_note(found, dataset)))


def _help(kind: DatasetKind, folder: Path | None) -> str:
    """The line that says what to get and where to put it."""
    if not kind.origin:
        return ""
    origin = kind.origin.format(place=folder or "a folder")
    return f"data set {kind.name}: {origin} (dataset.folder in the workload file, or --data)\n"


def _count_note(kind: DatasetKind, dataset: Dataset) -> Iterator[str]:
    found = len(dataset.train), len(dataset.test)
    if kind.published not in (None, found):
        train, test = kind.published or found
        yield f"data set {kind.name}: found {found[0]} + {found[1]} images, and {train} + {test} are published"


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
