"""Random changes of training images: crops, mirror images, parts of pictures.

What happens to an image is a function of seed, epoch and the image's index alone: the random words are Philox4x32-10 of
counter (index, epoch, attempt, 0) under the key (seed, crc32 of the change's name). Batches, threads and a stop between
two steps change none of it.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.datapath.kernels.philox import philox4x32
from accelsim.errors import UserError
from accelsim.networks.augmentation import Augmentation, ResizedCrop
from accelsim.training.datasets.dataset import Images, padded
from accelsim.training.datasets.resized_crop import ATTEMPTS, Pictures, Window, resized_window

WORD_BITS = 32
Words = NDArray[np.uint64]


@dataclass(frozen=True)
class Augmenter:
    """``Augmentation`` under a seed."""

    fields: Augmentation
    seed: int

    def __call__(
        self, images: Images, indices: NDArray[np.integer[Any]], epoch: int, size: tuple[int, int] | None
    ) -> NDArray[np.uint8]:
        """Return the images at ``indices``, (b, height, width, channels), padded to ``size`` and then changed.

        Raises:
            UserError: a picture can't be read, or parts of pictures are asked of images that are none.
        """
        crop = self.fields.resized_crop
        if crop is None:
            pixels = images[indices]
        elif isinstance(images, Pictures):
            pixels = images.windows(indices, self._window(crop, indices, epoch))
        else:
            raise UserError("dataset.augmentation.resized_crop belongs to pictures that are decoded; leave it out")
        pixels = padded(pixels, size)
        if self.fields.crop_padding:
            pixels = self._cropped(pixels, self.words("crop", indices, epoch))
        return self._flipped(pixels, self.words("flip", indices, epoch)) if self.fields.flip else pixels

    def words(self, name: str, indices: NDArray[np.integer[Any]], epoch: int, attempt: int = 0) -> Words:
        """Four random 32-bit words for each image, (4, b)."""
        key = self.seed, zlib.crc32(f"augmentation/{name}".encode())
        return np.stack(philox4x32(np, np.asarray(indices).astype(np.uint64), (epoch, attempt, 0), key))

    def _window(self, fields: ResizedCrop, indices: NDArray[np.integer[Any]], epoch: int) -> Window:
        words = [self.words("resized_crop", indices, epoch, attempt).T.tolist() for attempt in range(ATTEMPTS)]
        return lambda at, width, height: resized_window([w[at] for w in words], width, height, fields)

    def _cropped(self, pixels: NDArray[np.uint8], words: Words) -> NDArray[np.uint8]:
        """A window of the old size at one of (2 padding + 1)^2 places in the image with a black border."""
        count, height, width, channels = pixels.shape
        border = self.fields.crop_padding
        tops, lefts = (below(word, 2 * border + 1) for word in words[:2])
        wide = padded(pixels, (height + 2 * border, width + 2 * border))
        result = np.empty_like(pixels, shape=(count, height, width, channels))
        for at, (top, left) in enumerate(zip(tops.tolist(), lefts.tolist(), strict=True)):
            result[at] = wide[at, top : top + height, left : left + width]
        return result

    def _flipped(self, pixels: NDArray[np.uint8], words: Words) -> NDArray[np.uint8]:
        mirrored = words[0] < np.uint64(round(self.fields.flip * (1 << WORD_BITS)))
        return np.where(mirrored[:, np.newaxis, np.newaxis, np.newaxis], pixels[:, :, ::-1], pixels)


def below(word: Any, count: int) -> Any:
    """A whole number from 0 to ``count - 1`` out of a 32-bit word; the chances differ by less than 2^-32 x count."""
    return (word * count) >> WORD_BITS
