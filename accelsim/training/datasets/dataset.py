"""Labelled images in memory, and the normalisation that turns a batch of them into float32."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import UserError

LEVELS = 256
"""Values of an 8-bit pixel."""
_SLICE = 4096


class Images(Protocol):
    """Pixels, (n, height, width, channels): an array, or files that are decoded when they are asked for."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, indices: NDArray[np.integer[Any]], /) -> NDArray[np.uint8]: ...

    def take(self, indices: NDArray[np.integer[Any]], /, axis: SupportsIndex) -> Images: ...


class Augment(Protocol):
    """Changes training images at random, by epoch and index alone."""

    def __call__(
        self, images: Images, indices: NDArray[np.integer[Any]], epoch: int, size: tuple[int, int] | None
    ) -> NDArray[np.uint8]: ...


@dataclass(frozen=True, eq=False)
class Split:
    """One part of a data set."""

    images: Images
    """Pixels, (n, height, width, channels)."""
    labels: NDArray[np.int64]
    """Classes from 0, (n,)."""

    def __len__(self) -> int:
        return len(self.labels)

    def spread(self, count: int) -> Split:
        """Return ``count`` of its n images: those at floor(i n / count)."""
        indices = np.arange(count) * len(self) // count
        return Split(self.images.take(indices, axis=0), self.labels[indices])


@dataclass(frozen=True, eq=False)
class Dataset:
    """A training split and a test split, with the statistics that normalise both."""

    name: str
    """Kind of data set, for instance digits."""
    classes: int
    """Number of classes; labels run from 0 to ``classes - 1``."""
    train: Split
    """Images to learn from."""
    test: Split
    """Images to measure on."""
    mean: tuple[float, ...]
    """Mean of the training images scaled to 0..1, by channel."""
    std: tuple[float, ...]
    """Population standard deviation of the training images scaled to 0..1, by channel."""
    notes: tuple[str, ...] = ()
    """What the user should hear of the files: checksums and numbers of images."""
    padded_to: tuple[int, int] | None = None
    """Height and width that images are padded to."""
    augment: Augment | None = None
    """How training images are changed at random."""

    @classmethod
    def from_splits(cls, name: str, classes: int, train: Split, test: Split, notes: tuple[str, ...] = ()) -> Dataset:
        """Return a data set whose mean and std come from ``train``.

        Raises:
            UserError: there are no training images, or a channel of them is constant.
        """
        try:
            mean, std = channel_statistics(np.asarray(train.images))
        except ValueError as error:
            raise UserError(f"data set {name}: {error}") from error
        return cls(name, classes, train, test, mean, std, notes)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Height, width and channels of one image, as the network sees it."""
        _, height, width, channels = self.train.images.shape
        return (*(self.padded_to or (height, width)), channels)

    def shaped(self, shape: tuple[int, ...], classes: int) -> Dataset:
        """Return the data set for a network's input shape and classes: itself, as images have only one.

        Raises:
            UserError: the network takes other images, or tells fewer classes apart.
        """
        if self.image_shape != shape:
            sizes = f"found images of {list(self.image_shape)}, but network.input_shape is {list(shape)}"
            raise UserError(f"data set {self.name}: {sizes}")
        if self.classes > classes:
            found = f"labels up to {self.classes - 1}"
            raise UserError(f"data set {self.name}: found {found}, expected 0..{classes - 1} (network.classes)")
        return self

    @cached_property
    def table(self) -> NDArray[np.float32]:
        """Normalised value of every pixel value, (channels, 256): ``(value / 255 - mean) / std``, all in float32."""
        mean, std = (np.array(figures, dtype=np.float32)[:, None] for figures in (self.mean, self.std))
        table: NDArray[np.float32] = (np.arange(LEVELS, dtype=np.float32) / np.float32(255) - mean) / std
        table.setflags(write=False)
        return table

    def batch(self, split: Split, indices: NDArray[np.integer[Any]]) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Return the images at ``indices`` (b,), normalised (b, height, width, channels), and their labels (b,)."""
        return self._normalised(padded(split.images[indices], self.padded_to)), split.labels[indices]

    def training_batch(self, indices: NDArray[np.integer[Any]], epoch: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """``batch`` of training images as ``augment`` changes them in ``epoch``."""
        if self.augment is None:
            return self.batch(self.train, indices)
        pixels = self.augment(self.train.images, indices, epoch, self.padded_to)
        return self._normalised(pixels), self.train.labels[indices]

    def _normalised(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        images = np.empty(pixels.shape, dtype=np.float32)
        for channel, values in enumerate(self.table):
            images[..., channel] = values[pixels[..., channel]]
        return images


def padded(pixels: NDArray[np.uint8], size: tuple[int, int] | None) -> NDArray[np.uint8]:
    """Put (b, height, width, channels) in the middle of black images of ``size``; an odd row or column goes last."""
    if size is None:
        return pixels
    count, height, width, channels = pixels.shape
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    result = np.zeros((count, *size, channels), dtype=np.uint8)
    result[:, top : top + height, left : left + width] = pixels
    return result


def channel_statistics(images: NDArray[np.uint8]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and population standard deviation by channel of (n, height, width, channels), scaled to 0..1.

    The sums are exact integers, so the float64 results don't depend on the machine or the order of summation.

    Raises:
        ValueError: there are no images, or all pixels of a channel are equal (its deviation would divide by zero).
    """
    if images.size == 0:
        raise ValueError("there are no training images")
    moments = [_moments(images[..., channel]) for channel in range(images.shape[-1])]
    for channel, (_, deviation) in enumerate(moments):
        if deviation == 0:
            value = int(images[0, 0, 0, channel])
            raise ValueError(f"all training pixels of channel {channel} are {value}, so it can't be normalised")
    return tuple(mean for mean, _ in moments), tuple(deviation for _, deviation in moments)


def _moments(pixels: NDArray[np.uint8]) -> tuple[float, float]:
    """Return mean and standard deviation, scaled to 0..1, of (n, height, width)."""
    counts = np.zeros(LEVELS, dtype=np.int64)
    # bincount widens its input to 8 bytes a pixel; by slices that stays small.
    for start in range(0, len(pixels), _SLICE):
        counts += np.bincount(pixels[start : start + _SLICE].ravel(), minlength=LEVELS)
    total = sum(value * count for value, count in enumerate(counts.tolist()))
    squares = sum(value * value * count for value, count in enumerate(counts.tolist()))
    scale = 255 * pixels.size
    return total / scale, math.sqrt(pixels.size * squares - total * total) / scale
