"""Fashion-MNIST (Xiao et al. 2017): 28x28 images of one channel in four idx files."""

from __future__ import annotations

from pathlib import Path

from accelsim.errors import UserError
from accelsim.training.datasets.dataset import Dataset
from accelsim.training.datasets.idx_folder import CLASSES, FILES, IMAGE_SHAPE, PUBLISHED, load_idx_folder
from accelsim.training.datasets.kind import DatasetKind

DEBIAN_PACKAGE = "dataset-fashion-mnist"
"""Debian package that holds the four files."""
DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
"""Where it puts them."""
MD5 = {
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}
"""From the project's README, and from torchvision."""


def load_fashion_mnist(folder: Path | None) -> Dataset:
    """Return the data set in ``folder``, or in the Debian package's folder where that is None.

    Raises:
        UserError: there is no folder to read, or its files are missing or faulty.
    """
    if folder is None:
        return load_idx_folder(KIND.name, _usual_folder(), {})  # Debian packs the files anew
    return load_idx_folder(KIND.name, folder, MD5)


def _usual_folder() -> Path:
    if DEBIAN_FOLDER.is_dir():
        return DEBIAN_FOLDER
    raise UserError(f"no folder given, and {DEBIAN_FOLDER} does not exist")


KIND = DatasetKind(
    "fashion_mnist",
    IMAGE_SHAPE,
    CLASSES,
    load_fashion_mnist,
    f"install the Debian package {DEBIAN_PACKAGE}, or download {', '.join(FILES)} from the project page "
    "zalandoresearch/fashion-mnist into {place}",
    PUBLISHED,
)
"""Fashion-MNIST's registry entry."""
