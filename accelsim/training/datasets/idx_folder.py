"""A data set in four idx files, as MNIST and Fashion-MNIST are published: images and labels to train and to test."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from accelsim.errors import UserError
from accelsim.training.datasets.checksum import checksum_note
from accelsim.training.datasets.dataset import Dataset
from accelsim.training.datasets.files import raw_bytes
from accelsim.training.datasets.idx import read_split

FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
"""The files of a folder, each also taken without ``.gz``."""
IMAGE_SHAPE, CLASSES = (28, 28, 1), 10
"""Of both data sets."""
PUBLISHED = 60_000, 10_000
"""Training and test images of both."""


def load_idx_folder(name: str, folder: Path, published_md5: Mapping[str, str]) -> Dataset:
    """Return the data set ``name`` in ``folder``; gzipped files are held against the checksums published for them.

    Raises:
        UserError: files are missing or faulty.
    """
    paths = _files(folder)
    notes = [
        checksum_note(path, raw_bytes(path), published_md5[path.name]) for path in paths if path.name in published_md5
    ]
    train, test = (read_split(images, labels, IMAGE_SHAPE, CLASSES) for images, labels in (paths[:2], paths[2:]))
    return Dataset.from_splits(name, CLASSES, train, test, tuple(notes))


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
