"""Max, average and global average pooling."""

from __future__ import annotations

from accelsim.formats import Role
from accelsim.layers.geometry import PaddingPair, Pair
from accelsim.layers.layer import Backward, Layer, expect_rank, register
from accelsim.machine import Machine, Tensor, Window


class _Pool(Layer):
    """Window fields of the two pooling layers."""

    hands_on = True

    kernel: Pair
    """Window size: one number or [rows, columns]."""
    stride: Pair | None = None
    """Step of the window; by default the kernel."""
    padding: PaddingPair = (0, 0)
    """Border on each side, at most half of the kernel (never the maximum; counted as zero by the average)."""

    @property
    def window(self) -> Window:
        return Window(self.kernel, self.stride or self.kernel, self.padding)


@register("max_pool2d")
class MaxPool2d(_Pool):
    """Largest value of each window; on a tie the first. NaN is above every number, and takes the gradient."""

    def forward(self, m: Machine, x: Tensor) -> tuple[Tensor, Backward]:
        expect_rank(x, 4, "batch, height, width and channels")
        y, tap = m.max_pool2d(m.quantise(x, Role.ACTIVATION), self.window)
        return y, lambda g: m.max_pool2d_backward(g, tap, self.window, x.shape)


def average(m: Machine, x: Tensor, window: Window) -> tuple[Tensor, Backward]:
    """Average pooling over ``window``."""
    inputs = m.quantise(x, Role.ACTIVATION)
    y = m.average_pool2d(inputs, window)
    return y, lambda g: m.average_pool2d_backward(g, window, x.shape)


@register("average_pool2d")
class AveragePool2d(_Pool):
    """Mean of each window."""

    def forward(self, m: Machine, x: Tensor) -> tuple[Tensor, Backward]:
        expect_rank(x, 4, "batch, height, width and channels")
        return average(m, x, self.window)


@register("global_average_pool")
class GlobalAveragePool(Layer):
    """Mean over all positions: (batch, height, width, channels) to (batch, channels)."""

    hands_on = True

    def forward(self, m: Machine, x: Tensor) -> tuple[Tensor, Backward]:
        expect_rank(x, 4, "batch, height, width and channels")
        y, spread_out = average(m, x, Window((x.shape[1], x.shape[2])))
        return y.reshaped((x.shape[0], x.shape[3])), lambda g: spread_out(g.reshaped(y.shape))
