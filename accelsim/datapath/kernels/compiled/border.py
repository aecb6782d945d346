"""Images with a border, which windows are read from: what lies outside is a code like any other."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.datapath.kernels.compiled.jit import compiled
from accelsim.datapath.kernels.compiled.memory import aligned
from accelsim.datapath.kernels.compiled.workers import Workers


def bordered(workers: Workers, x: Any, borders: Any, terms: int, storage: Any, zero: int) -> Any:
    """x (batch, height, width, channels) + ``zero`` as ``storage``, wrapped; ``zero`` around it.

    ``borders``: ((top, bottom), (left, right)), in pixels. Channels are filled up to a multiple of ``terms``.
    """
    batch, height, width, channels = x.shape
    (top, bottom), (left, right) = borders
    image = aligned((batch, height + top + bottom, width + left + right, -(-channels // terms) * terms), storage)
    x, raised = np.ascontiguousarray(x), image.dtype.type(zero)

    def work(start: int, stop: int) -> None:
        _border(x[start:stop], image[start:stop], top, left, raised)

    workers.spread(batch, image[0].size, work)
    return image


@compiled
def _border(x: Any, image: Any, top: int, left: int, zero: Any) -> None:
    batch, height, width, channels = x.shape
    if channels == image.shape[3]:
        _border_lines(x, image, top, left, zero)
        return
    image[:] = zero
    for n in range(batch):
        for y in range(height):
            for column in range(width):
                _raise(x[n, y, column], image[n, top + y, left + column], zero)


@compiled
def _border_lines(x: Any, image: Any, top: int, left: int, zero: Any) -> None:
    """``_border`` where no channels are filled up: line after line, and what is between them.

    Lines are slices of the flat arrays, which cost less than views of four axes.
    """
    batch, height, width, channels = x.shape
    codes, raised, size, done = x.reshape(x.size), image.reshape(image.size), width * channels, 0
    for n in range(batch):
        for y in range(height):
            start = ((n * image.shape[1] + top + y) * image.shape[2] + left) * channels
            border = raised[done:start]
            for i in range(border.size):
                border[i] = zero
            first, done = (n * height + y) * size, start + size
            _raise(codes[first : first + size], raised[start:done], zero)
    raised[done:] = zero


@compiled
def _raise(source: Any, target: Any, zero: Any) -> None:
    for i in range(source.size):
        target[i] = source[i] + zero
