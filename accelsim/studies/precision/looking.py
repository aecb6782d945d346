"""Looks at the tensors of one training step, each as the step comes to it; nothing of the step is written to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from accelsim.datapath.context import Context
from accelsim.datapath.observation import CONVERSIONS
from accelsim.formats import Recipe, Role
from accelsim.machine import Tensor, Value
from accelsim.program import Operation, Phase, TensorSpec
from accelsim.studies.precision.measuring import Measurements
from accelsim.studies.precision.readers import CLASS_OF, HANDS_ON, WEIGHT_PRODUCTS, class_read
from accelsim.studies.precision.trial import Trials


@dataclass(frozen=True)
class Question:
    """What is asked of every tensor, beside a histogram: ``bits`` under ``rules``.

    ``last_uses`` gives, for each tensor of a step, the last operation that touches it.
    """

    bits: Sequence[int]
    rules: Recipe
    last_uses: Mapping[int, int]


class _Source(NamedTuple):
    """A tensor before quantisation, and the name of the quantiser that reads it.

    ``kind`` is the class that this quantiser tells of, None where there is none.
    """

    tensor: Tensor
    name: str
    kind: str | None
    in_forward: bool


class Look:
    """A ``Watcher`` of the step that ``context`` is about to begin."""

    def __init__(self, step: int, context: Context, question: Question) -> None:
        trials = Trials(context, question.rules)
        self.found = Measurements(step, trials, question.rules, question.bits)
        self._last_uses = question.last_uses
        self._sources: dict[int, _Source] = {}
        self._after_loss: set[int] = set()
        self._handed_on: set[int] = set()
        self._seen: set[tuple[str, int]] = set()

    def see(
        self,
        xp: Any,
        op: Operation,
        inputs: Sequence[Tensor],
        outputs: Sequence[TensorSpec],
        values: Sequence[Value],
    ) -> None:
        """Take in one operation that has just been executed."""
        if op.phase is Phase.RECOMPUTE or op.part > 1 or op.machine > 1:
            return  # it was all there in the forward pass, or one like it in the first part, or on the first machine
        if op.phase is not Phase.FORWARD:
            self._after_loss.update(op.outputs)
        elif op.opcode in HANDS_ON:
            self._handed_on.add(op.outputs[0])
        if op.opcode in CONVERSIONS and outputs[0].role in CLASS_OF:
            self._remember(xp, inputs[0], outputs[0])
        for place, operand in enumerate(inputs):
            self._read(xp, op, place, operand)
        if op.opcode in WEIGHT_PRODUCTS:
            x, g = inputs
            if source := self._source(g):
                self.found.weight_gradient(xp, op, (x, g), source.tensor, source.name, outputs[0])
        for index in [index for index in self._sources if self._last_uses.get(index, 0) <= op.index]:
            del self._sources[index]

    def _remember(self, xp: Any, x: Tensor, output: TensorSpec) -> None:
        tensor = Tensor(x.spec, x.shape, Value(xp.asarray(x.data), x.scale))
        # The loss makes its gradient in the forward phase.
        in_forward = output.role in (Role.WEIGHT, Role.ACTIVATION) and x.spec.index not in self._after_loss
        self._sources[output.index] = _Source(tensor, output.name, CLASS_OF[output.role], in_forward)

    def _source(self, operand: Tensor) -> _Source | None:
        """What a quantiser made ``operand`` from; floats that none has touched as they are."""
        index = operand.spec.index
        if index in self._sources:
            return self._sources[index]
        if operand.format.family != "float" or index in self._handed_on:
            return None
        return _Source(operand, operand.name, None, index not in self._after_loss)

    def _read(self, xp: Any, op: Operation, place: int, operand: Tensor) -> None:
        source, index = self._source(operand), operand.spec.index
        if source is None:
            return
        kind = class_read(op.opcode, op.phase, place, is_gradient=not source.in_forward) or source.kind
        if kind is None or (kind, index) in self._seen:
            return
        self._seen.add((kind, index))
        self.found.tensor(xp, source.tensor, source.name, kind, op.layer)
        if source.in_forward:
            # Backward reads it again, but the tensor before quantisation is needed no more.
            self._sources.pop(index, None)
