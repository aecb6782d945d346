"""The geometry of a sliding window: convolution and pooling share it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Window:
    """Kernel, stride and zero padding as (rows, columns)."""

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)

    @property
    def taps(self) -> int:
        return self.kernel[0] * self.kernel[1]

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        """Output rows and columns for an input of ``height`` x ``width``.

        Raises:
            ValueError: the kernel is larger than the padded input.
        """
        sizes = []
        for size, kernel, stride, padding in zip((height, width), self.kernel, self.stride, self.padding, strict=True):
            if kernel > size + 2 * padding:
                raise ValueError(
                    f"a {self.kernel[0]}x{self.kernel[1]} window with padding {self.padding} "
                    f"does not fit an input of {height}x{width}"
                )
            sizes.append((size + 2 * padding - kernel) // stride + 1)
        return sizes[0], sizes[1]

    def as_attributes(self) -> dict[str, Any]:
        return {"kernel": self.kernel, "stride": self.stride, "padding": self.padding}
