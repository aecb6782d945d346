"""Padding, which convolution and pooling share."""

from __future__ import annotations

from typing import Any


class PadKernels:
    """Base of the kernels that slide a window."""

    xp: Any

    def pad(self, x: Any, padding: tuple[int, int], fill: int = 0) -> Any:
        """Border of ``fill`` around height and width."""
        if padding == (0, 0):
            return x
        (top, left), (batch, height, width, channels) = padding, x.shape
        padded = self.xp.full((batch, height + 2 * top, width + 2 * left, channels), fill, dtype=x.dtype)
        padded[:, top : top + height, left : left + width] = x
        return padded
