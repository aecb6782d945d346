"""Interpreter 1: the datapath. Every instruction computes the bits that the hardware would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from accelsim.datapath.arrays import on_host
from accelsim.datapath.constants import TABLES
from accelsim.datapath.context import Context
from accelsim.datapath.fixed_point import held
from accelsim.datapath.kernels import Kernels, NumpyKernels
from accelsim.datapath.scale_state import ScaleState
from accelsim.datapath.units import HANDLERS
from accelsim.datapath.units.scales import multiplied_out
from accelsim.datapath.zero_points import centred, restored
from accelsim.errors import InternalError
from accelsim.formats import FP32, FloatFormat, IntegerFormat, Recipe, Role
from accelsim.formats.float_codes import round_to_float
from accelsim.machine import Machine, Parameter, Tensor, Value
from accelsim.machine.constant import Constant
from accelsim.machine.vector import wide
from accelsim.program import Operation, Phase, TensorSpec, Unit

NORM, RECOMPUTE, MASTER_WEIGHT = Unit.NORM, Phase.RECOMPUTE, Role.MASTER_WEIGHT


class Datapath(Machine):
    """Executes on ``kernels``; ``state`` holds the persistent tensors by name and is updated in place.

    With ``check`` every result is compared with what the Program says of it: shape, storage and range of codes.
    """

    def __init__(
        self,
        recipe: Recipe,
        state: dict[str, Any],
        *,
        seed: int,
        scales: ScaleState | None = None,
        kernels: Kernels | None = None,
        check: bool = False,
    ) -> None:
        kernels = kernels or NumpyKernels()
        # Weights and their momentum stay where the kernels compute; a step brings in its batch alone.
        state.update({name: kernels.xp.asarray(value) for name, value in state.items()})
        self.context = Context(kernels, recipe, seed, state, scales or ScaleState())
        self.check = check
        self._tables: dict[Constant, Value] = {}
        self._origin, self._known_before = (0, 0), self.context.scales.copy()
        super().__init__(recipe)

    def begin_step(self, step: int, *, training: bool, learning_rate: float = 0.0) -> None:
        """Start training step ``step`` (which keys the random bits), or an evaluation."""
        self.context.step = step
        self.context.training = training
        self.context.learning_rate = learning_rate
        self.context.gradient_overflow = self.context.skips_update = False
        self.context.kernels.forget()
        self._origin, self._known_before = (0, 0), self.context.scales.copy()
        self.begin(training=training)

    def execute(
        self, operation: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
    ) -> Sequence[Value]:
        if (operation.machine, operation.part) != self._origin:
            self._origin = operation.machine, operation.part
            self._known_before = self.context.scales.copy()
        if operation.phase is RECOMPUTE:
            return self._made_again(operation, inputs, outputs)
        return self._executed(operation, inputs, outputs)

    def _made_again(
        self, operation: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
    ) -> Sequence[Value]:
        """The bits of the forward pass: drawn for the same tensors, with the scales that were known before the step, or
        before its part of the batch. Nobody looks or learns."""
        context = self.context
        now = context.scales, context.observation, context.watcher
        context.scales, context.observation, context.watcher = self._known_before.copy(), None, None
        first = tuple([replace(spec, name=spec.again) for spec in outputs])
        try:
            return self._executed(replace(operation, phase=Phase.FORWARD), inputs, first)
        finally:
            context.scales, context.observation, context.watcher = now

    def _executed(
        self, operation: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
    ) -> Sequence[Value]:
        context, operands = self.context, inputs
        for x in inputs:
            if x.zero_point is not None:
                operands = tuple([centred(context.kernels.xp, x) for x in inputs])
                break
        if operation.unit is NORM:
            operands = tuple([x if x.format.is_integer else _unscaled(context.kernels.xp, x) for x in operands])
        values = HANDLERS[operation.opcode](context, operation, operands, outputs)
        if context.observation is not None:
            context.observation.see(context.kernels.xp, operation, operands, outputs, values)
        if context.watcher is not None:
            context.watcher.see(context.kernels.xp, operation, operands, outputs, values)
        if operands is not inputs:
            values = restored(context.kernels.xp, operation.opcode, inputs[0], outputs, values)
        if self.check:
            for spec, value in zip(outputs, values, strict=True):
                _conforms(operation, spec, value)
        return values

    def bring(self, data: Any) -> Value:
        return Value(self.context.kernels.xp.asarray(data))

    def load(self, what: Parameter | Constant, spec: TensorSpec) -> Value:
        if isinstance(what, Constant):
            return self._table(what)
        if isinstance(spec.format, IntegerFormat):
            value = held(self.context, what, spec.format)
        else:
            value = Value(self.context.state[what.name])
        if what.role is MASTER_WEIGHT:
            self.context.kernels.expect_peak(value.data)
        return value

    def _table(self, constant: Constant) -> Value:
        """Worked out once, and kept where the kernels compute."""
        if constant not in self._tables:
            found = TABLES[constant.kind](constant)
            self._tables[constant] = found._replace(data=self.context.kernels.xp.asarray(found.data))
        return self._tables[constant]


def _unscaled(xp: Any, x: Tensor) -> Tensor:
    """Floats as the norm unit reads them: multiplied out, since it adds values of different scales."""
    data = multiplied_out(xp, x.data, x.scale).astype(wide(x).storage, copy=False)
    return x if data is x.data else replace(x, value=Value(data))


def _conforms(operation: Operation, spec: TensorSpec, value: Value) -> None:
    data, format_ = on_host(value.data), spec.format
    if tuple(data.shape) != spec.shape or data.dtype != format_.storage:
        found = f"{data.dtype} {tuple(data.shape)}"
        raise InternalError(f"{operation.name} made {found} for {spec.name}, which is {format_.storage} {spec.shape}")
    if isinstance(format_, FloatFormat) and format_.bits < FP32.bits and not _on_grid(data, format_):
        raise InternalError(f"{operation.name}: values of {spec.name} are not {format_} numbers")
    if isinstance(format_, IntegerFormat) and data.size:
        low, high = int(data.min()), int(data.max())
        if low < format_.min_code or high > format_.max_code:
            raise InternalError(f"{operation.name}: codes {low}..{high} of {spec.name} leave {format_}")


def _on_grid(data: Any, format_: FloatFormat) -> bool:
    return np.array_equal(round_to_float(np, data, format_, saturate=False), data, equal_nan=True)
