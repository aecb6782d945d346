"""Instructions of attention: products of two activations, one for each head of each sample, and the softmax."""

from __future__ import annotations

import math
from typing import Any

from accelsim.formats import Product, Role
from accelsim.machine.issue import Output
from accelsim.machine.lane_steps import is_power_of_two
from accelsim.machine.mac_array import MacArrayInstructions
from accelsim.machine.tensor import Tensor
from accelsim.machine.vector import SOFTMAX_ADDS, SOFTMAX_MULTIPLIES, wide
from accelsim.program import Gemm, Unit, Work


class AttentionInstructions(MacArrayInstructions):
    """Operands are (..., rows, columns) with the same leading axes; a transpose is a view of the operand."""

    def batched_matmul(self, a: Tensor, b: Tensor, product: Product = Product.FORWARD, name: str = "product") -> Tensor:
        """a (..., m, k) by b (..., k, n): as many equal products as the leading axes have places.

        Both gradients of a product of activations are data gradients too: nothing is learned from them but what goes
        further back, so they add up in the accumulators of that product.

        Raises:
            ValueError: the shapes don't fit each other.
        """
        *places, m, k = a.shape
        *others, terms, n = b.shape
        if places != others or k != terms:
            raise ValueError(f"cannot multiply {a.name} of shape {a.shape} by {b.name} of shape {b.shape}")
        output = Output(name, (*places, m, n), self.recipe.accumulators[product], Role.ACCUMULATOR)
        gemm = Gemm(m, k, n, count=math.prod(places))
        slices: dict[str, Any] = self._slices(a, b)
        return self.issue("batched_matmul", Unit.MAC_ARRAY, [a, b], [output], gemms=(gemm,), **slices)[0]

    def softmax(self, x: Tensor, *, factor: float, causal: bool) -> Tensor:
        """Softmax of factor * x over the last axis; in a causal one, row i sees columns 0 to i.

        Integers: 32-bit words with 24 fraction bits. One multiplication each brings an element to powers of two,
        interpolates the table and divides by the sum.
        """
        # Integers add for the largest, the distance, the look-up, the line's 2 and the sum.
        multiplies, adds = (3, 6) if x.format.is_integer else (SOFTMAX_MULTIPLIES, SOFTMAX_ADDS)
        work = Work(x.elements, multiplies, adds, wide(x))
        output = Output("probabilities", x.shape, wide(x), Role.ACCUMULATOR)
        return self.issue("softmax", Unit.VECTOR, [x], [output], work=work, factor=factor, causal=causal)[0]

    def softmax_backward(self, g: Tensor, y: Tensor, *, factor: float) -> Tensor:
        """factor * y * (g - mean of g weighted with y), by rows; ``y`` are the probabilities as the product read them.

        The weights are divided by their sum, which rounding may have moved off 1. Integers leave ``factor`` to their
        scale.
        """
        scaled = self._is_scaled(y) or not is_power_of_two(factor)
        work = Work(g.elements, 2 + (scaled and not g.format.is_integer), 3, wide(g))
        output = Output("score_gradient", g.shape, wide(g), Role.ACCUMULATOR)
        return self.issue("softmax_backward", Unit.VECTOR, [g, y], [output], work=work, factor=factor)[0]
