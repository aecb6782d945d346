"""ImageNet as folders of pictures, ``train/CLASS/*.jpeg`` and ``val/CLASS/*.jpeg``; decoded batch by batch.

Each picture is resized so that its shorter side has 256 pixels, and its centre of 224 x 224 is taken. In training a
workload's ``resized_crop`` takes a random part instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import UserError
from accelsim.training.datasets.dataset import Dataset, Split
from accelsim.training.datasets.kind import DatasetKind, MissingPackageError
from accelsim.training.datasets.resized_crop import Window

IMAGE_SHAPE, CLASSES = (224, 224, 3), 1000
PUBLISHED = 1_281_167, 50_000
"""Training and validation pictures of ILSVRC 2012."""
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
        return (len(self.paths), *IMAGE_SHAPE)

    def __getitem__(self, indices: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
        """Decode the pictures at ``indices``, (b,), to (b, height, width, channels).

        Raises:
            UserError: a file is no picture.
        """
        return np.stack([_centre(_decoded(self.paths[index])) for index in indices.tolist()])

    def take(self, indices: NDArray[np.integer[Any]], axis: SupportsIndex = 0) -> Pictures:
        """The pictures at ``indices``, undecoded."""
        return Pictures([self.paths[index] for index in indices.tolist()])

    def windows(self, indices: NDArray[np.integer[Any]], window: Window) -> NDArray[np.uint8]:
        """Decode the pictures at ``indices``, (b,), and bring the part that ``window`` chooses of each to full size.

        Raises:
            UserError: a file is no picture.
        """
        pil, parts = _pil(), []
        for at, index in enumerate(indices.tolist()):
            picture = _decoded(self.paths[index])
            part = picture.crop(window(at, *picture.size))
            parts.append(np.asarray(part.resize(IMAGE_SHAPE[1::-1], pil.Resampling.BILINEAR)))
        return np.stack(parts)


def _decoded(path: Path) -> Any:
    """The picture in ``path``, in colour.

    Raises:
        UserError: the file can't be read or is no picture.
    """
    pil = _pil()
    try:
        with pil.open(path) as file:
            return file.convert("RGB")
    except (OSError, SyntaxError, ValueError, pil.DecompressionBombError) as error:
        raise UserError(f"{path}: not a picture that can be read: {error}") from error


def _centre(picture: Any) -> NDArray[np.uint8]:
    """The middle of a picture, (height, width, 3), whose shorter side is brought to ``RESIZED`` pixels."""
    height, width, _ = IMAGE_SHAPE
    factor = RESIZED / min(picture.size)
    picture = picture.resize([round(side * factor) for side in picture.size], _pil().Resampling.BILINEAR)
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return np.asarray(picture.crop((left, top, left + width, top + height)))


def load_imagenet_folder(folder: Path | None) -> Dataset:
    """Return the data set in ``folder``; classes are numbered in the order of their names.

    Raises:
        UserError: no folder is given, it has another layout, or Pillow isn't installed.
    """
    if folder is None:
        raise UserError("no folder given")
    _pil()
    classes = _classes(folder / "train")
    if (others := _classes(folder / "val")) != classes:
        odd = sorted(set(classes) ^ set(others))
        raise UserError(f"{folder}: train and val must have the same classes, and {odd[0]!r} is in one of them alone")
    train, test = (_split(folder / part, classes) for part in ("train", "val"))
    return Dataset(KIND.name, CLASSES, train, test, MEAN, STD)


def _classes(folder: Path) -> list[str]:
    found = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    if not 1 <= len(found) <= CLASSES:
        raise UserError(f"{folder}: found {len(found)} folders, expected one for each class, at most {CLASSES}")
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
        raise MissingPackageError("data set imagenet_folder needs Pillow: pip install 'accelsim[images]'") from error
    return Image


KIND = DatasetKind(
    "imagenet_folder",
    IMAGE_SHAPE,
    CLASSES,
    load_imagenet_folder,
    "download the pictures of ILSVRC 2012 from the ImageNet project's page (they want an account) and sort them as "
    "train/CLASS/*.jpeg and val/CLASS/*.jpeg into {place}",
    PUBLISHED,
    decoded=True,
)
"""ImageNet's registry entry."""
