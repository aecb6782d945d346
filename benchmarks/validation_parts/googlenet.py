"""GoogLeNet (Szegedy et al., CVPR 2015, table 1), without its auxiliary classifiers."""

from __future__ import annotations

from accelsim.layers import Concat, GlobalAveragePool, Layer, Linear, MaxPool2d, Relu
from validation_parts.networks import convolution

INCEPTIONS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
"""Filters of the 1x1 branch, the 3x3 branch (reducing, then itself), the 5x5 branch, and behind the pool."""


def inception(one: int, reduce3: int, three: int, reduce5: int, five: int, behind_pool: int) -> Layer:
    """Four branches side by side, as nested pairs."""
    pool = MaxPool2d(kernel=(3, 3), stride=(1, 1), padding=(1, 1))
    by_three = [*_relu(reduce3, 1), *_relu(three, 3)]
    by_five = [*_relu(reduce5, 1), *_relu(five, 5)]
    right = Concat(first=by_five, second=[pool, *_relu(behind_pool, 1)])
    return Concat(first=_relu(one, 1), second=[Concat(first=by_three, second=[right])])


def _relu(filters: int, kernel: int, stride: int = 1) -> list[Layer]:
    return [convolution(filters, kernel, stride=stride, padding=kernel // 2), Relu()]


def _halved() -> Layer:
    return MaxPool2d(kernel=(3, 3), stride=(2, 2), padding=(1, 1))


def _googlenet() -> list[Layer]:
    layers = [*_relu(64, 7, stride=2), _halved(), *_relu(64, 1), *_relu(192, 3), _halved()]
    for name, widths in INCEPTIONS.items():
        layers += [inception(*widths), *([_halved()] if name in ("3b", "4e") else [])]
    return [*layers, GlobalAveragePool(), Linear(units=1000, bias=False)]


GOOGLENET = _googlenet()
