"""Gated product of two branches, as in gated linear units (Dauphin et al. 2017; Shazeer 2020, arXiv 2002.05202)."""

from __future__ import annotations

from accelsim.formats import Role
from accelsim.layers.layer import Backward, Layer, LayerField, Layers, input_gradient, needs_no_gradient, register
from accelsim.layers.sequence import run
from accelsim.machine import Machine, Tensor


@register("gated")
class Gated(Layer):
    """gate(x) times value(x), element by element; an empty value passes x through.

    Both operands are activations. Their gradients are those of a product of activations: nothing is learned from them
    but what goes further back, so both read the incoming gradient as the data path has it.
    """

    hands_on = True

    gate: Layers
    """Layers of the branch that weighs, with its activation function last: [linear, silu] makes SwiGLU."""
    value: list[LayerField] = []  # noqa: RUF012 - pydantic copies defaults
    """Layers of the other branch; none for the identity."""

    def scopes(self) -> tuple[str, ...]:
        return (self.name, f"{self.name}.product")

    def forward(self, m: Machine, x: Tensor) -> tuple[Tensor, Backward]:
        x = x if needs_no_gradient(x) else m.quantise(x, Role.ACTIVATION)
        left, gate_backward = run(m, self.gate, x)
        right, value_backward = run(m, self.value, x)
        product = self.scopes()[1]
        with m.scope(product):
            gate, value = m.quantise(left, Role.ACTIVATION, "gate"), m.quantise(right, Role.ACTIVATION, "value")
            y = m.multiply(gate, value)

        def backward(g: Tensor) -> Tensor | None:
            with m.scope(product):
                dy = m.quantise(g, Role.GRADIENT_DATA)
                gate_gradient = m.multiply(dy, value, "gate_gradient")
                value_gradient = m.multiply(dy, gate, "value_gradient")
            through_gate, through_value = gate_backward(gate_gradient), value_backward(value_gradient)
            return input_gradient(m, x, through_gate, through_value)

        return y, backward

    def child_fields(self) -> list[str]:
        return ["gate", "value"]
