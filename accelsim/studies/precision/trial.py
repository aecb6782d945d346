"""A tensor quantised to M bits on the side: the machine's own quantise unit, with another width and nothing kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from accelsim.datapath.arrays import along_channels
from accelsim.datapath.context import Context
from accelsim.datapath.scale_state import ScaleState
from accelsim.datapath.units import HANDLERS
from accelsim.formats import FP32, IntegerFormat, Recipe, Role, TensorRule, integer
from accelsim.machine import Tensor, Value
from accelsim.program import Operation, Phase, TensorSpec, Unit


@dataclass(frozen=True)
class Trial:
    """M-bit codes of a tensor, and what makes them real; scale and zero point broadcast against the codes."""

    codes: Any
    scale: Any
    zero_point: Any
    format: IntegerFormat


class Trials:
    """Quantises by ``rules`` with other widths; the scale state is the one that ``context`` has now, always."""

    def __init__(self, context: Context, rules: Recipe) -> None:
        self._context, self._rules = context, rules
        # Each quantiser of a step works once, so what stood at its beginning is what it finds.
        running, history = context.scales.running, context.scales.history
        self._running, self._history = dict(running), {name: list(peaks) for name, peaks in history.items()}

    def quantised(self, x: Tensor, name: str, role: Role, bits: int, layer: str = "") -> Trial:
        """``x`` as the quantiser ``name`` of ``role`` in ``layer`` would have it in ``bits`` bits.

        Raises:
            UserError: ``x`` is not finite.
        """
        rule = with_bits(self._rules.of(layer)[role], bits)
        output = TensorSpec(-1, name, x.shape, rule.format, role)
        opcode = "requantise" if x.format.is_integer else "quantise"
        operation = Operation(-1, opcode, Unit.QUANTISE, "", Phase.FORWARD, (), ())
        (made,) = HANDLERS[opcode](self._aside({role: rule}), operation, (x,), (output,))
        if not isinstance(rule.format, IntegerFormat):
            raise TypeError(f"{name} is not bound for integers")
        scale = along_channels(made.scale, len(x.shape), role)
        return Trial(made.data, scale, made.zero_point, rule.format)

    def weight_product(
        self, operation: Operation, x: Tensor, g: Tensor, gradient: Value, shape: tuple[int, ...]
    ) -> Any:
        """The weight gradient, of ``shape``, where ``gradient`` stands in for ``g``: products and sums in fp32."""
        output = TensorSpec(-1, "weight_product", shape, FP32, Role.ACCUMULATOR)
        operands = self._as_floats(x, x.value), self._as_floats(g, gradient)
        (made,) = HANDLERS[operation.opcode](self._aside({}), operation, operands, (output,))
        return made.data

    def _as_floats(self, like: Tensor, value: Value) -> Tensor:
        xp = self._context.kernels.xp
        data = xp.asarray(value.data).astype("float32").reshape(like.shape)
        return Tensor(replace(like.spec, format=FP32), like.shape, Value(data, value.scale))

    def _aside(self, rules: Mapping[Role, TensorRule]) -> Context:
        """A context that shares the kernels and nothing that is written to."""
        recipe = replace(self._rules, rules={**self._rules.rules, **rules}, by_layer={}, chunk=None)
        scales = ScaleState(dict(self._running), {name: list(peaks) for name, peaks in self._history.items()})
        return replace(self._context, recipe=recipe, scales=scales, state={}, observation=None, watcher=None)


def with_bits(rule: TensorRule, bits: int) -> TensorRule:
    """``rule`` for integers of ``bits`` bits: unsigned ones where the rule has such."""
    signed = rule.format.signed if isinstance(rule.format, IntegerFormat) else True
    affine = rule.affine and isinstance(rule.format, IntegerFormat)
    return replace(rule, format=integer(bits, signed=signed), affine=affine)
