"""Instructions of the vector unit: element-wise work, pooling and the loss."""

from __future__ import annotations

import math
from typing import Any

from accelsim.formats import FP32, Format, Role, integer
from accelsim.machine.issue import Issuer, Output
from accelsim.machine.lane_steps import EXPONENTIAL, is_power_of_two
from accelsim.machine.tensor import Tensor
from accelsim.machine.window import Window
from accelsim.program import Unit, Work

WIDE = integer(32)
INDEX = integer(8, signed=False)
# Of floats, an element: times log2 e (and its scale), the power, times 1 / sum; largest, difference, sum.
SOFTMAX_MULTIPLIES, SOFTMAX_ADDS = 1 + EXPONENTIAL.multiplies + 1, 2 + EXPONENTIAL.adds + 1


def wide(x: Tensor) -> Format:
    """The vector unit's internal format: int32 for integers, fp32 for floats (a wider float keeps its own)."""
    if x.format.is_integer:
        return WIDE
    return x.format if x.format.bits > FP32.bits else FP32


class VectorInstructions(Issuer):
    """Integer inputs are rescaled and added in int32; floats keep their format."""

    def relu(self, x: Tensor, maximum: float | None = None) -> Tensor:
        """max(x, 0), and no more than ``maximum``, in x's own format and scale."""
        limits: dict[str, Any] = {} if maximum is None else {"maximum": maximum}
        work, output = Work(x.elements, 0, 1 + len(limits), x.format), Output("output", x.shape, x.format, x.role)
        return self.issue("relu", Unit.VECTOR, [x], [output], work=work, **limits)[0]

    def relu_backward(self, g: Tensor, y: Tensor, maximum: float | None = None) -> Tensor:
        """g where the forward output ``y`` is above 0 and below ``maximum``, else 0."""
        limits: dict[str, Any] = {} if maximum is None else {"maximum": maximum}
        work = Work(g.elements, 0, 1 + len(limits), y.format)
        output = Output("input_gradient", g.shape, g.format, g.role)
        return self.issue("relu_backward", Unit.VECTOR, [g, y], [output], work=work, **limits)[0]

    def add(self, a: Tensor, b: Tensor, name: str = "sum") -> Tensor:
        """a + b on a common scale, in int32 (or the float format).

        Raises:
            ValueError: the shapes differ.
        """
        if a.shape != b.shape:
            raise ValueError(f"cannot add {a.name} of shape {a.shape} to {b.name} of shape {b.shape}")
        work = Work(a.elements, self._rescalings(a, b), 1, wide(a))
        return self.issue("add", Unit.VECTOR, [a, b], [Output(name, a.shape, wide(a), Role.ACCUMULATOR)], work=work)[0]

    def max_pool2d(self, x: Tensor, window: Window) -> tuple[Tensor, Tensor]:
        """Maxima over windows and the tap where each stands (the first one on a tie; NaN is above every number).

        Raises:
            ValueError: a window has more taps than the tensor of taps can tell apart.
        """
        if window.taps > INDEX.max_code + 1:
            rows, columns = window.kernel
            raise ValueError(f"has a {rows}x{columns} kernel; max pooling takes at most {INDEX.max_code + 1} taps")
        shape = self._pooled(x, window)
        outputs = [Output("output", shape, x.format, x.role), Output("tap", shape, INDEX)]
        work = Work(math.prod(shape) * window.taps, 0, 1, x.format)
        y, tap = self.issue("max_pool2d", Unit.VECTOR, [x], outputs, work=work, **window.as_attributes())
        return y, tap

    def max_pool2d_backward(self, g: Tensor, tap: Tensor, window: Window, input_shape: tuple[int, ...]) -> Tensor:
        """Send each gradient to the tap that won; overlapping windows add up."""
        output = Output("input_gradient", input_shape, wide(g), Role.ACCUMULATOR)
        work = Work(g.elements, 0, 1, wide(g))
        return self.issue("max_pool2d_backward", Unit.VECTOR, [g, tap], [output], work=work, **window.as_attributes())[
            0
        ]

    def average_pool2d(self, x: Tensor, window: Window) -> Tensor:
        """Means over windows: sums in int32, the division by the number of taps folded into the scale; floats are
        multiplied by 1 / taps, once a window."""
        shape = self._pooled(x, window)
        work = Work(math.prod(shape) * window.taps, self._divisions(x, window), 1, wide(x))
        output = Output("sum", shape, wide(x), Role.ACCUMULATOR)
        return self.issue("average_pool2d", Unit.VECTOR, [x], [output], work=work, **window.as_attributes())[0]

    def average_pool2d_backward(self, g: Tensor, window: Window, input_shape: tuple[int, ...]) -> Tensor:
        """Spread each gradient over its window; the division is folded into the scale, or made once a gradient."""
        output = Output("input_gradient", input_shape, wide(g), Role.ACCUMULATOR)
        work = Work(g.elements * window.taps, self._divisions(g, window), 1, wide(g))
        return self.issue("average_pool2d_backward", Unit.VECTOR, [g], [output], work=work, **window.as_attributes())[0]

    def softmax_cross_entropy(self, logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
        """Mean loss over the batch, and its gradient with respect to ``logits`` (batch, classes).

        The target is 1 - ``smoothing`` for the label's class, and every class has ``smoothing`` / classes more: two
        additions an element, one for the gradient and one for the loss. Of a part of the batch, or a machine's share,
        it is their mean loss, and the gradient of the whole batch's: 1 / batch goes into each row's 1 / sum. In
        training the gradient is multiplied by the machine's loss scale, the interpreter's, as it may move: a power of
        two, which moves exponents alone.
        """
        loss_format = self.rule(Role.LOSS).format
        outputs = [
            Output("loss", (1,), loss_format, Role.LOSS),
            Output("gradient", logits.shape, loss_format, Role.LOSS),
        ]
        work = Work(logits.elements, SOFTMAX_MULTIPLIES, SOFTMAX_ADDS + 2 * bool(smoothing), loss_format)
        attributes: dict[str, Any] = {"smoothing": smoothing}
        parts = self._parts.count * self._replicas.count
        attributes |= {"parts": parts} if parts > 1 else {}
        loss, gradient = self.issue(
            "softmax_cross_entropy", Unit.VECTOR, [logits, labels], outputs, work=work, **attributes
        )
        return loss, gradient

    def _divisions(self, x: Tensor, window: Window) -> float:
        """Multiplications by 1 / taps, and by the scale of ``x``, for each tap of a window."""
        multiplied = self._is_scaled(x) or not is_power_of_two(window.taps)
        return 1 / window.taps if multiplied and not x.format.is_integer else 0

    def _pooled(self, x: Tensor, window: Window) -> tuple[int, ...]:
        batch, height, width, channels = x.shape
        if any(2 * padding > kernel for padding, kernel in zip(window.padding, window.kernel, strict=True)):
            raise ValueError(f"pooling padding {window.padding} is more than half of the kernel {window.kernel}")
        return (batch, *window.output_size(height, width), channels)
