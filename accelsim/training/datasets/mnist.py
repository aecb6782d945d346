"""MNIST (LeCun, Cortes and Burges): 28x28 handwritten digits in four idx files."""

from __future__ import annotations

from pathlib import Path

from accelsim.errors import UserError
from accelsim.training.datasets.dataset import Dataset
from accelsim.training.datasets.idx_folder import CLASSES, FILES, IMAGE_SHAPE, PUBLISHED, load_idx_folder
from accelsim.training.datasets.kind import DatasetKind

MD5 = {
    "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
}
"""As torchvision has them."""


def load_mnist(folder: Path | None) -> Dataset:
    """Return the data set in ``folder``.

    Raises:
        UserError: no folder is given, or its files are missing or faulty.
    """
    if folder is None:
        raise UserError("no folder given")
    return load_idx_folder(KIND.name, folder, MD5)


KIND = DatasetKind(
    "mnist",
    IMAGE_SHAPE,
    CLASSES,
    load_mnist,
    f"download {', '.join(FILES)} from Yann LeCun's page 'The MNIST database of handwritten digits' or a mirror of it "
    "into {place}",
    PUBLISHED,
)
"""MNIST's registry entry."""
