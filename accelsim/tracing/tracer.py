"""The tracing interpreter: it computes nothing, so the recorded Program is all there is."""

from __future__ import annotations

from collections.abc import Sequence

from accelsim.formats import Recipe
from accelsim.machine import Machine, Parameter, Tensor, Value
from accelsim.machine.constant import Constant
from accelsim.program import Operation, TensorSpec


class Tracer(Machine):
    """Collects the Program and the parameters that a network asks for; needs no data.

    Of a cluster that is the Program of the first machine; with ``every_machine`` what a datapath does for all of them.
    """

    def __init__(self, recipe: Recipe, *, every_machine: bool = False) -> None:
        self._every_machine = every_machine
        self.parameters: dict[str, Parameter] = {}
        super().__init__(recipe)

    def execute(
        self, operation: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
    ) -> Sequence[Value]:
        return [Value()] * len(outputs)

    def working(self, machines: int) -> range:
        """The first of so many machines: all do the same operations."""
        return super().working(machines) if self._every_machine else range(1, 2)

    def load(self, what: Parameter | Constant, spec: TensorSpec) -> Value:
        if isinstance(what, Parameter):
            self.parameters[what.name] = what
        return Value()
