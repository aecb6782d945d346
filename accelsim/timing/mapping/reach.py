"""What a sliding window reads of an image: the pixels that one of its taps meets, along each axis on its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accelsim.program import TensorSpec


@dataclass(frozen=True)
class Reach:
    """Rows and columns of a tensor (batch, height, width, channels) that the window meets somewhere."""

    tensor: TensorSpec
    rows: list[int]
    columns: list[int]

    @classmethod
    def of(cls, tensor: TensorSpec, window: Mapping[str, Any]) -> Reach:
        """``window`` has the kernel, stride and padding of an operation, as (rows, columns)."""
        geometry = zip(tensor.shape[1:3], window["kernel"], window["stride"], window["padding"], strict=True)
        rows, columns = (_reached(*axis) for axis in geometry)
        return cls(tensor, rows, columns)

    @property
    def pixel_bytes(self) -> int:
        """Bytes of these pixels alone, as a memory on the chip gives them."""
        batch, _, _, channels = self.tensor.shape
        return self.tensor.bytes_for(batch * len(self.rows) * len(self.columns) * channels)

    def burst_bytes(self, burst_bytes: int) -> int:
        """Bytes of the bursts that hold them; every row of pixels begins at a burst, but no more than the whole."""
        batch, height, width, channels = self.tensor.shape
        if (len(self.rows), len(self.columns)) == (height, width):
            return self.tensor.bytes
        bursts = seen = 0
        for column in self.columns:
            first = _whole_bytes(self.tensor, column * channels) // burst_bytes
            end = -(-self.tensor.bytes_for((column + 1) * channels) // burst_bytes)
            bursts, seen = bursts + max(0, end - max(first, seen)), max(end, seen)
        return min(self.tensor.bytes, batch * len(self.rows) * bursts * burst_bytes)


def _reached(size: int, kernel: int, stride: int, padding: int) -> list[int]:
    starts = range(-padding, size + padding - kernel + 1, stride)
    return sorted({start + tap for start in starts for tap in range(kernel)} & set(range(size)))


def _whole_bytes(tensor: TensorSpec, elements: int) -> int:
    """Bytes that packed elements fill: one in which the next element begins is left out."""
    return tensor.bytes_for(8 * elements) // 8
