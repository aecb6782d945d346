"""CIFAR-10: 32x32 colour images of ten classes, one label byte a record."""

from __future__ import annotations

from pathlib import Path

from accelsim.training.datasets.cifar import IMAGE_SHAPE, PUBLISHED, Layout, load_cifar
from accelsim.training.datasets.dataset import Dataset
from accelsim.training.datasets.kind import DatasetKind

LAYOUT = Layout(
    name="cifar10",
    archive="cifar-10-binary.tar.gz",
    md5="c32a1d4ab5d03f1284b67883e8d87530",
    folder="cifar-10-batches-bin",
    train=tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
    test="test_batch.bin",
    label_counts=(10,),
    python_folder="cifar-10-batches-py",
    python_files=(*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"),
)


def load_cifar10(folder: Path | None) -> Dataset:
    """Return the data set in ``folder``.

    Raises:
        UserError: no folder is given, it holds the python version or lacks files, or a file is faulty.
    """
    return load_cifar(LAYOUT, folder)


KIND = DatasetKind(LAYOUT.name, IMAGE_SHAPE, LAYOUT.label_counts[-1], load_cifar10, LAYOUT.origin, PUBLISHED)
"""CIFAR-10's registry entry."""
