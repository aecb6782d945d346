"""CIFAR-100: 32x32 colour images; a record has a coarse label of twenty and then the fine one, which is the class."""

from __future__ import annotations

from pathlib import Path

from accelsim.training.datasets.cifar import IMAGE_SHAPE, PUBLISHED, Layout, load_cifar
from accelsim.training.datasets.dataset import Dataset
from accelsim.training.datasets.kind import DatasetKind

LAYOUT = Layout(
    name="cifar100",
    archive="cifar-100-binary.tar.gz",
    md5="03b5dce01913d631647c71ecec9e9cb8",
    folder="cifar-100-binary",
    train=("train.bin",),
    test="test.bin",
    label_counts=(20, 100),
    python_folder="cifar-100-python",
    python_files=("train", "test"),
)


def load_cifar100(folder: Path | None) -> Dataset:
    """Return the data set in ``folder``.

    Raises:
        UserError: no folder is given, it holds the python version or lacks files, or a file is faulty.
    """
    return load_cifar(LAYOUT, folder)


KIND = DatasetKind(LAYOUT.name, IMAGE_SHAPE, LAYOUT.label_counts[-1], load_cifar100, LAYOUT.origin, PUBLISHED)
"""CIFAR-100's registry entry."""
