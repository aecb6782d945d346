"""How an instruction is issued: it is recorded in the Program, then the interpreter executes it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from accelsim.formats import Format, Recipe, Role
from accelsim.machine.parameter import Parameter
from accelsim.machine.recorder import Call, Output, Recorder
from accelsim.machine.tensor import Tensor, Value
from accelsim.program import Gemm, Operation, Phase, Program, TensorSpec, Unit, Work

__all__ = ["Issuer", "Output"]


class Issuer(ABC):
    """Recording shared by all instructions and by both interpreters; ``execute`` is what differs."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.training = True
        self.layer = ""
        self.phase = Phase.FORWARD
        self._recorder = Recorder()
        self.begin()

    def begin(self, *, training: bool = True) -> None:
        """Start a new step with an empty Program."""
        self.training = training
        self._recorder.begin()
        self.gradients: list[tuple[str, Parameter, Tensor]] = []
        self._persistent: dict[str, Tensor] = {}

    @property
    def program(self) -> Program:
        """What this step has issued so far."""
        return self._recorder.program

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

    def parameter(self, parameter: Parameter) -> Tensor:
        """The handle of a persistent tensor; the same one however often a step asks.

        Raises:
            ValueError: another layer has it in another shape.
        """
        if parameter.name not in self._persistent:
            rule = self.recipe[parameter.role]
            output = Output(parameter.name, parameter.shape, rule.format, parameter.role)
            spec = self._recorder.tensor(output, persistent=True)
            self._persistent[parameter.name] = Tensor(spec, spec.shape, self.load(parameter, spec))
        found = self._persistent[parameter.name]
        if found.shape != parameter.shape:
            raise ValueError(f"shares {parameter.name} of shape {found.shape}, but needs it in {parameter.shape}")
        return found

    def external(self, name: str, shape: tuple[int, ...], format_: Format, role: Role, data: Any = None) -> Tensor:
        """A tensor that the host puts into DRAM before the step (images, labels)."""
        return Tensor(self._recorder.tensor(Output(name, shape, format_, role)), shape, Value(data))

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
        )
        operation, specs = self._recorder.operation(call)
        values = self.execute(operation, tuple(inputs), specs)
        return tuple([Tensor(spec, spec.shape, value) for spec, value in zip(specs, values, strict=True)])

    @abstractmethod
    def execute(
        self, operation: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
    ) -> Sequence[Value]:
        """Do the work of one operation and return one value for each of ``outputs``."""

    @abstractmethod
    def load(self, parameter: Parameter, spec: TensorSpec) -> Value:
        """Return the current value of a persistent tensor."""
