"""A part of a picture at random, by area and aspect, brought to the network's size (Szegedy et al. 2015).

Torchvision's rule: up to ten attempts at a part that lies inside the picture, else the largest part in the middle
whose aspect is allowed. Only exact operations and the square root decide on the part, so no library's exp does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import cache
from math import sqrt
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from accelsim.datapath.kernels.portable import portable_exp
from accelsim.networks.augmentation import ResizedCrop

ATTEMPTS = 10
WORD = float(1 << 32)
Box = tuple[int, int, int, int]
"""Left, top, right and bottom edge."""
Window = Callable[[int, int, int], Box]
"""From place in the batch, width and height of a picture to the part that is taken."""


@runtime_checkable
class Pictures(Protocol):
    """Images that are decoded from pictures of any size."""

    def windows(self, indices: NDArray[np.integer[Any]], window: Window) -> NDArray[np.uint8]: ...


def resized_window(words: Sequence[Sequence[int]], width: int, height: int, fields: ResizedCrop) -> Box:
    """The part of a picture that four 32-bit random words for each attempt choose."""
    low, high = fields.aspect
    for area_word, aspect_word, top_word, left_word in words:
        smallest, largest = fields.area
        area = width * height * (smallest + (largest - smallest) * (area_word / WORD))
        aspect = high * float(portable_exp(np, np.float64(-aspect_word / WORD * _log_ratio(low, high))))
        wide, tall = round(sqrt(area * aspect)), round(sqrt(area / aspect))
        if 0 < wide <= width and 0 < tall <= height:
            top, left = (top_word * (height - tall + 1)) >> 32, (left_word * (width - wide + 1)) >> 32
            return left, top, left + wide, top + tall
    wide = min(width, max(1, round(height * high)))
    tall = min(height, max(1, round(width / low)))
    left, top = (width - wide) // 2, (height - tall) // 2
    return left, top, left + wide, top + tall


@cache
def _log_ratio(low: float, high: float) -> float:
    """ln(high / low), correctly rounded."""
    return float((Decimal(high) / Decimal(low)).ln())
