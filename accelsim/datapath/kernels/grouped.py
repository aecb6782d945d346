"""Convolutions in groups: the plain kernels on one group after another, or tap by tap where a group is one channel.

Filters are group-major: group ``i`` of ``n`` has filters ``i * filters / n`` to ``(i + 1) * filters / n``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from accelsim.datapath.kernels.product import Carrier, ProductKernels

Size = tuple[int, int]


class GroupedKernels(ProductKernels):
    """Same results as products of each group on its own, whatever the backend."""

    def grouped_conv2d(self, x: Any, w: Any, stride: Size, padding: Size, carrier: Carrier) -> Any:
        """x (batch, height, width, in) with w (out, rows, columns, in / groups)."""
        x, w = self.xp.asarray(x), self.xp.asarray(w)
        groups = x.shape[3] // w.shape[3]
        if w.shape[3] > 1:
            return self._joined_channels(
                self.conv2d(self._own(x, own), w[made], stride, padding, carrier)
                for own, made in _parts(groups, x.shape[3], w.shape[0])
            )
        size, kernel = self._output(x, w.shape[1:3], stride, padding), w.shape[1:3]
        padded = self.pad(x, padding).astype(carrier.dtype)
        taps = w.reshape(groups, -1, *kernel).astype(carrier.dtype)
        y = self.xp.zeros((x.shape[0], *size, *taps.shape[:2]), dtype=self._sum_dtype(kernel[0] * kernel[1], carrier))
        for i, j, down, right in _taps(kernel, stride, size):
            y += (padded[:, down, right, :, None] * taps[:, :, i, j]).astype(y.dtype, copy=False)
        return y.reshape(x.shape[0], *size, w.shape[0])

    def grouped_conv2d_backward_data(
        self, g: Any, w: Any, stride: Size, padding: Size, input_shape: tuple[int, ...], carrier: Carrier
    ) -> Any:
        """Gradient of x: each output position's contribution is added back to its window."""
        g, w = self.xp.asarray(g), self.xp.asarray(w)
        batch, height, width, channels = input_shape
        groups = channels // w.shape[3]
        if w.shape[3] > 1:
            part = (batch, height, width, w.shape[3])
            return self._joined_channels(
                self.conv2d_backward_data(self._own(g, made), w[made], stride, padding, part, carrier)
                for _, made in _parts(groups, channels, w.shape[0])
            )
        kernel, size, (top, left) = w.shape[1:3], g.shape[1:3], padding
        taps = w.reshape(groups, -1, *kernel).astype(carrier.dtype)
        gradient = g.reshape(*g.shape[:3], *taps.shape[:2]).astype(carrier.dtype)
        terms = kernel[0] * kernel[1] * taps.shape[1]
        target = self.xp.zeros(
            (batch, height + 2 * top, width + 2 * left, channels), dtype=self._sum_dtype(terms, carrier)
        )
        for i, j, down, right in _taps(kernel, stride, size):
            for filter_ in range(taps.shape[1]):
                spread = gradient[..., filter_] * taps[:, filter_, i, j]
                target[:, down, right] += spread.astype(target.dtype, copy=False)
        return target[:, top : top + height, left : left + width]

    def grouped_conv2d_backward_weights(
        self, x: Any, g: Any, kernel: Size, stride: Size, padding: Size, groups: int, carrier: Carrier
    ) -> Any:
        """Gradient of w (out, rows, columns, in / groups)."""
        x, g = self.xp.asarray(x), self.xp.asarray(g)
        if x.shape[3] > groups:
            return self.xp.concatenate(
                [
                    self.xp.asarray(
                        self.conv2d_backward_weights(
                            self._own(x, own), self._own(g, made), kernel, stride, padding, carrier
                        )
                    )
                    for own, made in _parts(groups, x.shape[3], g.shape[3])
                ]
            )
        # Integers add up in 64 bits; floats by image, then over the batch.
        dtype = carrier.dtype if carrier.block is None else "int64"
        padded, gradient = self.pad(x, padding).astype(dtype), g.reshape(*g.shape[:3], groups, -1).astype(dtype)
        w = self.xp.zeros((*gradient.shape[3:], *kernel), dtype=dtype)
        for i, j, down, right in _taps(kernel, stride, g.shape[1:3]):
            w[:, :, i, j] = self.xp.einsum("bijc,bijcf->bcf", padded[:, down, right], gradient).sum(axis=0)
        return w.reshape(g.shape[3], *kernel, 1)

    def _own(self, x: Any, channels: slice) -> Any:
        return self.xp.ascontiguousarray(x[..., channels])

    def _joined_channels(self, parts: Iterator[Any]) -> Any:
        return self.xp.concatenate([self.xp.asarray(part) for part in parts], axis=-1)


def _parts(groups: int, channels: int, filters: int) -> Iterator[tuple[slice, slice]]:
    """Input channels and filters of each group."""
    own, made = channels // groups, filters // groups
    for group in range(groups):
        yield slice(group * own, (group + 1) * own), slice(group * made, (group + 1) * made)


def _taps(kernel: Size, stride: Size, size: Size) -> Iterator[tuple[int, int, slice, slice]]:
    """Each tap with the rows and columns of a padded input that it sees."""
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            yield i, j, slice(i, i + size[0] * stride[0], stride[0]), slice(j, j + size[1] * stride[1], stride[1])
