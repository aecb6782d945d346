"""CIFAR-10 in its binary layout: records of one label byte and 3072 pixel bytes (channel, row, column)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from accelsim.errors import UserError
from accelsim.training.datasets.dataset import Dataset, Split
from accelsim.training.datasets.files import read_bytes
from accelsim.training.datasets.kind import DatasetKind
from accelsim.training.datasets.labels import check_labels

TRAIN_FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
"""Files of the training split."""
TEST_FILE = "test_batch.bin"
"""File of the test split."""
RECORD_BYTES = 1 + 3 * 32 * 32
"""Bytes of one labelled image."""
_FILES = (*TRAIN_FILES, TEST_FILE)
_BINARY_FOLDER, _PYTHON_FOLDER = "cifar-10-batches-bin", "cifar-10-batches-py"


def load_cifar10(folder: Path | None) -> Dataset:
    """Return the data set in ``folder``, or in the ``cifar-10-batches-bin`` inside it.

    Raises:
        UserError: no folder is given, it holds the python layout or lacks files, or a file is faulty.
    """
    if folder is None:
        raise UserError(
            "data set cifar10: no folder given; unpack cifar-10-binary.tar.gz and give its folder "
            "(dataset.folder in the workload file, or --data)"
        )
    place = _binary_folder(folder)
    parts = [_read_batch(place / name) for name in TRAIN_FILES]
    train = Split(np.concatenate([part.images for part in parts]), np.concatenate([part.labels for part in parts]))
    return Dataset.from_splits(KIND.name, KIND.classes, train, _read_batch(place / TEST_FILE))


def _binary_folder(folder: Path) -> Path:
    """Return the folder that holds all six files: ``folder`` or the one inside it."""
    inside = folder / _BINARY_FOLDER
    place = inside if inside.is_dir() and not _present(folder) else folder
    missing = [name for name in _FILES if name not in _present(place)]
    if len(missing) == len(_FILES):
        _refuse_pickle(folder)
    if missing:
        raise UserError(
            f"{place}: found {len(_FILES) - len(missing)} of the {len(_FILES)} files of cifar-10-binary.tar.gz, "
            f"expected also {', '.join(missing)}"
        )
    return place


def _present(folder: Path) -> list[str]:
    return [name for name in _FILES if (folder / name).is_file()]


def _refuse_pickle(folder: Path) -> None:
    for place in (folder, folder / _PYTHON_FOLDER):
        found = [stem for stem in (name.removesuffix(".bin") for name in _FILES) if (place / stem).is_file()]
        if found:
            raise UserError(
                f"{place}: found {found[0]} of CIFAR-10's python version, which is pickle and can run code; "
                "expected the binary version (cifar-10-binary.tar.gz)"
            )


def _read_batch(path: Path) -> Split:
    """Return the records of one file as (n, 32, 32, 3) images and (n,) labels."""
    data = read_bytes(path)
    if len(data) % RECORD_BYTES or not data:
        raise UserError(f"{path}: found {len(data)} bytes, expected a multiple of {RECORD_BYTES} above 0")
    records = np.frombuffer(data, dtype=np.uint8).reshape(-1, RECORD_BYTES)
    check_labels(path, records[:, 0], KIND.classes)
    height, width, channels = KIND.image_shape
    images = records[:, 1:].reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
    return Split(np.ascontiguousarray(images), records[:, 0].astype(np.int64))


KIND = DatasetKind("cifar10", image_shape=(32, 32, 3), classes=10, load=load_cifar10)
"""CIFAR-10's registry entry."""
