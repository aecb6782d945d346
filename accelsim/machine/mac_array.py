"""Instructions of the MAC array: the three matrix products of dense and convolutional layers."""

from __future__ import annotations

from typing import Any

from accelsim.formats import Product, Role
from accelsim.machine.issue import Issuer, Output
from accelsim.machine.tensor import Tensor
from accelsim.machine.window import Window
from accelsim.program import Gemm, Unit


class MacArrayInstructions(Issuer):
    """Products leave in the accumulator format that the recipe names for each of the three products."""

    def matmul(self, x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
        """Forward product: x (batch, in) by w (out, in) transposed, plus an accumulator-scaled bias (out,)."""
        (batch, inputs), (outputs, _) = x.shape, w.shape
        gemm = Gemm(batch, inputs, outputs)
        return self._product("matmul", Product.FORWARD, (x, w, bias), "product", (batch, outputs), (gemm,))

    def matmul_backward_data(self, g: Tensor, w: Tensor) -> Tensor:
        """Data gradient: g (batch, out) by w (out, in)."""
        (batch, outputs), (_, inputs) = g.shape, w.shape
        gemm = Gemm(batch, outputs, inputs)
        shape = (batch, inputs)
        return self._product("matmul_backward_data", Product.DATA_GRADIENT, (g, w), "input_gradient", shape, (gemm,))

    def matmul_backward_weights(self, x: Tensor, g: Tensor) -> Tensor:
        """Weight gradient: g (batch, out) transposed by x (batch, in)."""
        (batch, inputs), (_, outputs) = x.shape, g.shape
        gemm = Gemm(outputs, batch, inputs)
        shape = (outputs, inputs)
        return self._product(
            "matmul_backward_weights", Product.WEIGHT_GRADIENT, (x, g), "weight_product", shape, (gemm,)
        )

    def conv2d(self, x: Tensor, w: Tensor, window: Window, bias: Tensor | None = None) -> Tensor:
        """Forward convolution: x (batch, height, width, in) with w (out, kh, kw, in / groups).

        Output channels are as many equal groups as w's channels go into x's; each sees its own input channels.

        Raises:
            ValueError: the window does not fit the input.
        """
        batch, height, width, channels = x.shape
        groups = channels // w.shape[3]
        rows, columns = window.output_size(height, width)
        gemm = Gemm(batch * rows * columns, window.taps * w.shape[3], w.shape[0] // groups, groups)
        shape = (batch, rows, columns, w.shape[0])
        return self._product("conv2d", Product.FORWARD, (x, w, bias), "product", shape, (gemm,), window, groups)

    def conv2d_backward_data(self, g: Tensor, w: Tensor, window: Window, input_shape: tuple[int, ...]) -> Tensor:
        """Data gradient of ``conv2d``: the gather form, split into stride x stride dense products (no zeros)."""
        groups = input_shape[3] // w.shape[3]
        gemms = _gather_gemms(input_shape, w.shape[0], window, groups)
        return self._product(
            "conv2d_backward_data", Product.DATA_GRADIENT, (g, w), "input_gradient", input_shape, gemms, window, groups
        )

    def conv2d_backward_weights(self, x: Tensor, g: Tensor, window: Window, groups: int = 1) -> Tensor:
        """Weight gradient of ``conv2d``, of shape (out, kh, kw, in / groups)."""
        batch, rows, columns, outputs = g.shape
        channels = x.shape[3] // groups
        gemm = Gemm(outputs // groups, batch * rows * columns, window.taps * channels, groups)
        shape = (outputs, *window.kernel, channels)
        return self._product(
            "conv2d_backward_weights", Product.WEIGHT_GRADIENT, (x, g), "weight_product", shape, (gemm,), window, groups
        )

    def _product(
        self,
        opcode: str,
        product: Product,
        operands: tuple[Tensor | None, ...],
        name: str,
        shape: tuple[int, ...],
        gemms: tuple[Gemm, ...],
        window: Window | None = None,
        groups: int = 1,
    ) -> Tensor:
        present = [operand for operand in operands if operand is not None]
        output = Output(name, shape, self.recipe.accumulators[product], Role.ACCUMULATOR)
        attributes: dict[str, Any] = window.as_attributes() if window else {}
        attributes |= {"groups": groups} if groups > 1 else {}
        attributes |= self._slices(*present[:2])
        return self.issue(opcode, Unit.MAC_ARRAY, present, [output], gemms=gemms, **attributes)[0]

    def _slices(self, a: Tensor, b: Tensor) -> dict[str, tuple[int, int]]:
        """Slices in which the multipliers take each operand, where both are integers."""
        width = self.recipe.slice_bits
        if width is None or not (a.format.is_integer and b.format.is_integer):
            return {}
        return {"slices": (-(-a.format.bits // width), -(-b.format.bits // width))}


def _gather_gemms(input_shape: tuple[int, ...], outputs: int, window: Window, groups: int) -> tuple[Gemm, ...]:
    """One product for each residue of the input position modulo the stride that any tap reaches."""
    batch, height, width, channels = input_shape
    rows, columns = (
        _residues(size, kernel, stride, padding)
        for size, kernel, stride, padding in zip(
            (height, width), window.kernel, window.stride, window.padding, strict=True
        )
    )
    return tuple(
        Gemm(batch * r * c, row_taps * column_taps * (outputs // groups), channels // groups, groups)
        for r, row_taps in rows
        for c, column_taps in columns
    )


def _residues(size: int, kernel: int, stride: int, padding: int) -> list[tuple[int, int]]:
    """(positions, taps) for each residue class of an axis, leaving out classes that no tap reaches."""
    pairs = []
    for residue in range(min(stride, size)):
        positions = len(range(residue, size, stride))
        taps = len([tap for tap in range(kernel) if (residue + padding - tap) % stride == 0])
        if taps:
            pairs.append((positions, taps))
    return pairs
