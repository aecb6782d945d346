"""ImageNet as folders of pictures, ``train/CLASS/*.jpeg`` and ``val/CLASS/*.jpeg``; decoded batch by batch.

Each picture is resized so that its shorter side has 256 pixels, and its centre of 224 x 224 is taken, in training too:
there is no augmentation.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import UserError
from accelsim.training.datasets.dataset import Dataset, Split
from accelsim.training.datasets.kind import DatasetKind

RESIZED = 256
"""Pixels of a picture's shorter side before the crop."""
ENDINGS = (".jpeg", ".jpg", ".png")
"""Names of pictures end so, in small or capital letters; other files are passed over."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""By channel, of pixels scaled to 0..1: torchvision's figures for ImageNet's training images."""


class Pictures:
    """Files that stand for an array of images: they are decoded when they are asked for."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.paths), *KIND.image_shape)

    def __getitem__(self, indices: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
        """Decode the pictures at ``indices``, (b,), to (b, height, width, channels).

        Raises:
            UserError: a file is no picture.
        """
        return np.stack([decode(self.paths[index]) for index in indices.tolist()])


def decode(path: Path) -> NDArray[np.uint8]:
    """Return one picture, (height, width, 3), resized and cropped.

    Raises:
        UserError: the file can't be read or is no picture.
    """
    pil = _pil()
    height, width, _ = KIND.image_shape
    try:
        with pil.open(path) as file:
            picture = file.convert("RGB")
    except (OSError, SyntaxError, ValueError, pil.DecompressionBombError) as error:
        raise UserError(f"{path}: not a picture that can be read: {error}") from error
    factor = RESIZED / min(picture.size)
    picture = picture.resize([round(side * factor) for side in picture.size], pil.Resampling.BILINEAR)
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return np.asarray(picture.crop((left, top, left + width, top + height)))


def load_imagenet_folder(folder: Path | None) -> Dataset:
    """Return the data set in ``folder``; classes are numbered in the order of their names.

    Raises:
        UserError: no folder is given, it has another layout, or Pillow isn't installed.
    """
    if folder is None:
        raise UserError(
            "data set imagenet_folder: no folder given; give one that holds train/CLASS/*.jpeg and val/CLASS/*.jpeg "
            "(dataset.folder in the workload file, or --data)"
        )
    _pil()
    classes = _classes(folder / "train")
    if (others := _classes(folder / "val")) != classes:
        odd = sorted(set(classes) ^ set(others))
        raise UserError(f"{folder}: train and val must have the same classes, and {odd[0]!r} is in one of them alone")
    train, test = (_split(folder / part, classes) for part in ("train", "val"))
    return Dataset(KIND.name, KIND.classes, train, test, MEAN, STD)


def _classes(folder: Path) -> list[str]:
    found = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    if not 1 <= len(found) <= KIND.classes:
        raise UserError(f"{folder}: found {len(found)} folders, expected one for each class, at most {KIND.classes}")
    return found


def _split(folder: Path, classes: Sequence[str]) -> Split:
    members = [_pictures(folder / name) for name in classes]
    labels = np.repeat(np.arange(len(classes), dtype=np.int64), [len(paths) for paths in members])
    return Split(Pictures([path for paths in members for path in paths]), labels)


def _pictures(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS)
    if not found:
        raise UserError(f"{folder}: found no pictures ({', '.join(ENDINGS)})")
    return found


def _pil() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise UserError("data set imagenet_folder needs Pillow: pip install 'accelsim[images]'") from error
    return Image


KIND = DatasetKind("imagenet_folder", image_shape=(224, 224, 3), classes=1000, load=load_imagenet_folder)
"""ImageNet's registry entry."""
