"""The idx format of MNIST: a big-endian header (magic, one 32-bit size per dimension), then bytes."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import UserError
from accelsim.training.datasets.dataset import Split
from accelsim.training.datasets.files import read_bytes
from accelsim.training.datasets.labels import check_labels

_UNSIGNED_BYTE = 0x0800


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Return the array of unsigned bytes in ``path`` (gzipped if it ends in ``.gz``), of ``dimensions`` axes.

    Raises:
        UserError: the file can't be read, has another magic number, or its bytes don't fit the sizes in its header.
    """
    data = read_bytes(path)
    header = 4 * (1 + dimensions)
    expected = _UNSIGNED_BYTE + dimensions
    magic = int.from_bytes(data[:4], "big")
    if len(data) >= 4 and magic != expected:
        raise UserError(
            f"{path}: wrong magic number: found 0x{magic:08x}, "
            f"expected 0x{expected:08x} (idx, unsigned bytes, {dimensions} dimensions){_gzip_hint(data)}"
        )
    if len(data) < header:
        raise UserError(f"{path}: truncated: found {len(data)} bytes, expected a header of {header} bytes")
    shape = tuple(int(size) for size in np.frombuffer(data, dtype=">u4", count=dimensions, offset=4))
    _check_size(path, shape, len(data) - header)
    return np.frombuffer(data, dtype=np.uint8, offset=header).reshape(shape).copy()


def _check_size(path: Path, shape: tuple[int, ...], found: int) -> None:
    sizes = " x ".join(str(size) for size in shape)
    expected = math.prod(shape)
    if found != expected:
        fault = "truncated" if found < expected else "trailing bytes"
        raise UserError(
            f"{path}: {fault}: found {found} bytes after the header, expected {expected} ({sizes} by the header)"
        )
    if expected == 0:
        raise UserError(f"{path}: empty: found {sizes} items, expected at least one")


def _gzip_hint(data: bytes) -> str:
    return "; it looks gzipped: add .gz to its name" if data.startswith(b"\x1f\x8b") else ""


def read_split(images: Path, labels: Path, shape: tuple[int, int, int], classes: int) -> Split:
    """Return the images, (n, *shape) with one channel, and labels of a pair of idx files.

    Raises:
        UserError: a file is faulty, the images have another size, a label isn't below ``classes``, or the two
            files hold different numbers of items.
    """
    pixels = read_idx(images, dimensions=3)
    if pixels.shape[1:] != shape[:2]:
        found, expected = (f"{height}x{width}" for height, width in (pixels.shape[1:], shape[:2]))
        raise UserError(f"{images}: wrong image size: found {found}, expected {expected}")
    marks = read_idx(labels, dimensions=1)
    if len(pixels) != len(marks):
        raise UserError(f"{labels}: found {len(marks)} labels, expected {len(pixels)}, one per image of {images}")
    check_labels(labels, marks, classes)
    return Split(pixels.reshape(-1, *shape), marks.astype(np.int64))
