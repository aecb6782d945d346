"""What dense and convolutional layers share: three products, two of which read the incoming gradient."""

from __future__ import annotations

from abc import abstractmethod

from accelsim.formats import Role
from accelsim.formats.blocks import Along
from accelsim.layers.layer import Backward, Layer, needs_no_gradient
from accelsim.machine import Machine, Parameter, Tensor
from accelsim.program import Phase


class AffineLayer(Layer):
    """y = product(x, w) + bias; each gradient product has the incoming gradient quantised by a role of its own.

    Where the two rules differ these are two tensors (bifurcation, Banner et al. 2018, section 4), else one.
    """

    bias: bool = True
    """Add a trainable offset to every output channel."""

    @abstractmethod
    def weight(self, x: Tensor) -> Parameter:
        """The weight for an input of ``x``'s shape."""

    @abstractmethod
    def rows(self, x: Tensor) -> Along:
        """Leading axes of ``x``, and of the gradient, that the weight gradient reduces as one: there its blocks lie."""

    @abstractmethod
    def product(self, m: Machine, x: Tensor, w: Tensor, bias: Tensor | None) -> Tensor:
        """Forward product."""

    @abstractmethod
    def product_backward_data(self, m: Machine, g: Tensor, w: Tensor, x: Tensor) -> Tensor:
        """Gradient of ``x``."""

    @abstractmethod
    def product_backward_weights(self, m: Machine, x: Tensor, g: Tensor) -> Tensor:
        """Gradient of ``w``."""

    def forward(self, m: Machine, x: Tensor) -> tuple[Tensor, Backward]:
        weight = self.weight(x)
        offset = Parameter(f"{self.name}.bias", weight.shape[:1], Role.BIAS) if self.bias else None
        inputs = m.quantise(x, Role.ACTIVATION)
        w = m.quantise(m.parameter(weight), Role.WEIGHT)
        b = m.quantise_bias(m.parameter(offset), inputs, w) if offset else None
        y = self.product(m, inputs, w, b)

        def backward(g: Tensor) -> Tensor | None:
            dx = None
            if not needs_no_gradient(x):
                narrow = m.quantise(g, Role.GRADIENT_DATA)
                w_again = m.quantise_again(w, m.parameter(weight), Role.WEIGHT_BACKWARD, axis=0)
                dx = self.product_backward_data(m, narrow, w_again, inputs)
            with m.scope(phase=Phase.WEIGHT_GRADIENT):
                summed, x_again, precise = self._weight_operands(m, inputs, x, g)
                dw = self.product_backward_weights(m, x_again, precise)
                m.collect(weight, m.quantise(dw, Role.WEIGHT_GRADIENT, "weight_gradient"))
                if offset:
                    m.collect(offset, m.quantise(m.reduce_sum(summed), Role.WEIGHT_GRADIENT, "bias_gradient"))
            return dx

        return y, backward

    def _weight_operands(self, m: Machine, inputs: Tensor, x: Tensor, g: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the bias gradient sums, and the operands of the weight gradient, ``x`` (read as ``inputs``) and ``g``.

        The product sums over its rows, so along them blocks lie, and a transform mixes; the bias sums no mixture.
        """
        rows = self.rows(x)
        if m.rotates(g, rows):
            x_again = m.quantise(m.rotate(x, "input_rotated", rows), Role.ACTIVATION_BACKWARD, axis=rows)
            return g, x_again, m.quantise(m.rotate(g, "gradient_rotated", rows), Role.GRADIENT_WEIGHT, axis=rows)
        precise = m.quantise(g, Role.GRADIENT_WEIGHT, axis=rows)
        return precise, m.quantise_again(inputs, x, Role.ACTIVATION_BACKWARD, axis=rows), precise
