"""How an instruction is issued: it is recorded in the Program, then the interpreter executes it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

from accelsim.errors import InternalError
from accelsim.formats import Format, Recipe, Role, ScaleForm, TensorRule
from accelsim.machine.constant import Constant
from accelsim.machine.lane_steps import has_scale
from accelsim.machine.parameter import Parameter
from accelsim.machine.parts import Parts
from accelsim.machine.recomputation import Making, Recomputation, Region
from accelsim.machine.recorder import Call, Output, Recorder
from accelsim.machine.replicas import Collected, Replicas
from accelsim.machine.script import Notebook, Script, first_difference
from accelsim.machine.tensor import Tensor, Value
from accelsim.program import Gemm, Operation, Phase, Program, TensorSpec, Unit, Work

__all__ = ["Issuer", "Output"]

SCRIPTS = 8
"""Steps that a machine knows by heart: training, evaluation, and the smaller batches at their ends."""


class _Known(NamedTuple):
    """A step taken down; ``confirmed``: the layers issued it a second time, and it was the same."""

    key: tuple[Any, ...]
    script: Script
    confirmed: bool


class Issuer(ABC):
    """Recording shared by all instructions and by both interpreters; ``execute`` is what differs."""

    def __init__(self, recipe: Recipe) -> None:
        if recipe.layers:
            raise InternalError("a recipe with rules for some layers isn't fitted to a network")
        self.recipe = recipe
        self.training = True
        self.layer = ""
        self.phase = Phase.FORWARD
        self._known: list[_Known] = []
        self.begin()

    def begin(self, *, training: bool = True) -> None:
        """Start a new step with an empty Program."""
        self.training = training
        self._recorder, self._notebook = Recorder(), Notebook()
        self._recomputation, self._parts, self._replicas = Recomputation(self._redo), Parts(), Replicas()
        self._persistent: dict[str, Tensor] = {}

    @property
    def program(self) -> Program:
        """What this step has issued so far."""
        return self._recorder.program

    @property
    def gradients(self) -> list[Collected]:
        """What layers have handed in, on the machine of a cluster that is open."""
        return self._replicas.gradients

    @contextmanager
    def scope(self, layer: str | None = None, phase: Phase | None = None) -> Iterator[None]:
        """Issue what follows under another layer name or phase."""
        before = self.layer, self.phase
        self.layer = self.layer if layer is None else layer
        self.phase = self.phase if phase is None else phase
        try:
            yield
        finally:
            self.layer, self.phase = before

    def rule(self, role: Role) -> TensorRule:
        """How the current layer has tensors of ``role``."""
        return self.recipe.of(self.layer)[role]

    def _is_scaled(self, x: Tensor) -> bool:
        """Whether ``x`` are floats under a scale that is no power of two: to multiply it out takes a multiplier."""
        if not has_scale(x.format):
            return False
        rule = self.recipe.of(self.layer).get(x.role)
        return rule is None or rule.scale_form is not ScaleForm.POWER_OF_TWO

    def _rescalings(self, *operands: Tensor) -> int:
        """How many are multiplied before they are added: integers, and floats under a scale."""
        return sum(x.format.is_integer or self._is_scaled(x) for x in operands)

    def part(self, number: int, count: int) -> AbstractContextManager[None]:
        """Issue what follows for one of ``count`` equal parts of the batch, from 1 on (``machine/parts.py``)."""
        return self._parts.opened(number, count)

    def working(self, machines: int) -> range:
        """Those of so many machines, from 1 on, whose work this interpreter does: all, as each has other images."""
        return range(1, machines + 1)

    def replica(self, number: int) -> AbstractContextManager[None]:
        """Issue what follows on one machine of the recipe's cluster, from 1 on (``machine/replicas.py``)."""
        return self._replicas.opened(number, self.recipe.machines)

    def letting_go(self, x: Tensor) -> AbstractContextManager[Region]:
        """What is issued meanwhile from ``x`` is kept only for the forward pass (``machine/recomputation.py``)."""
        return self._recomputation.opened(x)

    def made_again(self, region: Region, gradient: Tensor) -> AbstractContextManager[None]:
        """Issue the backward of what a region let go, which began with ``gradient``: what it reads is made again."""
        return self._recomputation.backward(region, gradient)

    def parameter(self, parameter: Parameter) -> Tensor:
        """The handle of a persistent tensor; the same one however often a step asks.

        Raises:
            ValueError: another layer has it in another shape.
        """
        found = self._kept(parameter, self.rule(parameter.role).format, parameter.role)
        if found.shape != parameter.shape:
            raise ValueError(f"shares {parameter.name} of shape {found.shape}, but needs it in {parameter.shape}")
        return found

    def constant(self, constant: Constant) -> Tensor:
        """The handle of a table that the machine has from the start; the same one however often a step asks."""
        return self._kept(constant, constant.format, Role.INTERNAL)

    def _kept(self, what: Parameter | Constant, format_: Format, role: Role) -> Tensor:
        if what.name not in self._persistent:
            spec = self._recorder.tensor(Output(what.name, what.shape, format_, role), persistent=True)
            self._notebook.persistent.append((what, spec))
            self._persistent[what.name] = Tensor(spec, spec.shape, self.load(what, spec))
        return self._persistent[what.name]

    def external(self, name: str, shape: tuple[int, ...], format_: Format, role: Role, data: Any = None) -> Tensor:
        """A tensor that the host puts into DRAM before the step (images, labels), of the part that is open."""
        output, machine = Output(name, shape, format_, role), self._replicas.number
        spec = self._recorder.tensor(output, part=self._parts.number, machine=machine)
        self._notebook.externals.append((spec.name, spec))
        return Tensor(spec, shape, self.bring(data))

    def repeated(
        self, key: tuple[Any, ...], given: Mapping[str, Any], issue: Callable[[], tuple[Tensor, ...]]
    ) -> tuple[Tensor, ...]:
        """What ``issue()`` returns; once two steps of the same ``key`` made the same calls, without asking it again.

        ``key`` must decide all that ``issue`` calls but the arrays of external tensors, which are ``given`` by name.

        Raises:
            InternalError: ``issue`` asks for other external tensors than those, or makes other calls the second time.
        """
        if self.program.tensors:
            return issue()
        key = (*key, self.training, self.layer, self.phase)
        known = next((known for known in self._known if known.key == key), None)
        if known is not None and known.confirmed:
            return self._repeat(known.script, given)
        left = issue()
        asked = sorted(name for name, _ in self._notebook.externals)
        if asked != sorted(given):
            raise InternalError(f"a step asks for {asked}, but is given {sorted(given)}")
        self._learn(known, key, self._notebook.script(self._recorder, left))
        return left

    def _learn(self, before: _Known | None, key: tuple[Any, ...], script: Script) -> None:
        """Keep a step, confirmed where it was issued ``before``."""
        if before is not None:
            if difference := first_difference(before.script, script):
                raise InternalError(f"a step of the same shapes issued other calls than the one before: {difference}")
            self._known.remove(before)
        self._known = [_Known(key, script, before is not None), *self._known[: SCRIPTS - 1]]

    def _repeat(self, script: Script, given: Mapping[str, Any]) -> tuple[Tensor, ...]:
        self._recorder = script.recorder.copy()
        start = [Tensor(spec, spec.shape, self.bring(given[name])) for name, spec in script.externals]
        for what, spec in script.persistent:
            self._persistent[what.name] = Tensor(spec, spec.shape, self.load(what, spec))
        start += self._persistent.values()
        return script.run(start, self.execute)

    def issue(
        self,
        opcode: str,
        unit: Unit,
        inputs: Sequence[Tensor],
        outputs: Sequence[Output],
        *,
        gemms: tuple[Gemm, ...] = (),
        work: Work | None = None,
        in_place: Sequence[Tensor] = (),
        **attributes: Any,
    ) -> tuple[Tensor, ...]:
        """Record one operation and execute it; returns handles of ``outputs``, in order.

        ``in_place`` names persistent inputs that the operation overwrites.
        """
        inputs = self._recomputation.present(inputs, self.phase)
        call = Call(
            opcode,
            unit,
            self.layer,
            self.phase,
            tuple([tensor.spec.index for tensor in inputs]),
            tuple(outputs),
            tuple([tensor.spec.index for tensor in in_place]),
            gemms,
            work,
            attributes,
            self._after(inputs),
            self._parts.number,
            self._replicas.number,
        )
        operation, specs = self._recorder.operation(call)
        self._notebook.operation(operation, inputs, specs)
        self._recomputation.take_down(operation.index, call, inputs, specs)
        self._parts.take_down(call, specs)
        values = self.execute(operation, tuple(inputs), specs)
        return tuple([Tensor(spec, spec.shape, value) for spec, value in zip(specs, values, strict=True)])

    def _after(self, inputs: Sequence[Tensor]) -> tuple[int, ...]:
        if self.phase is Phase.RECOMPUTE:
            return self._recomputation.after
        return self._parts.after(inputs) if self.phase is Phase.FORWARD else ()

    def _redo(self, making: Making, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Issue a call of the forward pass once more. Scales are known by now, so conversions are made in one pass."""
        call, names = making.call, [spec.name for spec in making.outputs]
        outputs = [output._replace(again=name) for output, name in zip(call.outputs, names, strict=True)]
        attributes = dict(call.attributes)
        if "one_pass" in attributes:
            attributes["one_pass"] = True
        with self.scope(call.layer, Phase.RECOMPUTE):
            return self.issue(call.opcode, call.unit, inputs, outputs, gemms=call.gemms, work=call.work, **attributes)

    @abstractmethod
    def execute(
        self, operation: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
    ) -> Sequence[Value]:
        """Do the work of one operation and return one value for each of ``outputs``."""

    def bring(self, data: Any) -> Value:
        """The value of an external tensor."""
        return Value(data)

    @abstractmethod
    def load(self, what: Parameter | Constant, spec: TensorSpec) -> Value:
        """Return the current value of a persistent tensor."""
