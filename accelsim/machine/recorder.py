"""A step's Program as it is recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from accelsim.formats import Format, Role
from accelsim.formats.blocks import Along
from accelsim.program import (
    LAST_AXIS,
    Gemm,
    Operation,
    Phase,
    Program,
    TensorSpec,
    Unit,
    Work,
    machine_suffix,
    part_suffix,
)

AGAIN = "again"
"""Ending of the name of a tensor that is made a second time."""


class Output(NamedTuple):
    """A tensor that an instruction is about to make; its name is prefixed with the layer's.

    ``again`` is the whole name of the tensor that is made a second time; then the name is that, and ``AGAIN``.
    """

    name: str
    shape: tuple[int, ...]
    format: Format
    role: Role = Role.INTERNAL
    again: str = ""
    along: Along = LAST_AXIS


class Call(NamedTuple):
    """All that decides an operation; ``inputs``, ``in_place`` and ``after`` are indices of tensors, ``part`` is that of
    the batch (0: the whole), ``machine`` that of a cluster (0: all)."""

    opcode: str
    unit: Unit
    layer: str
    phase: Phase
    inputs: tuple[int, ...]
    outputs: tuple[Output, ...]
    in_place: tuple[int, ...]
    gemms: tuple[Gemm, ...]
    work: Work | None
    attributes: Mapping[str, Any]
    after: tuple[int, ...] = ()
    part: int = 0
    machine: int = 0


class Recorder:
    """Gives operations and tensors their numbers, and tensors that ask for the same name different ones."""

    def __init__(self, program: Program | None = None, names: Counter[str] | None = None) -> None:
        self.program = program or Program()
        self._names = names or Counter()

    def copy(self) -> Recorder:
        """Another one at the same point, which goes on by itself."""
        return Recorder(Program(list(self.program.tensors), list(self.program.operations)), self._names.copy())

    def tensor(self, output: Output, *, persistent: bool = False, part: int = 0, machine: int = 0) -> TensorSpec:
        """A tensor that no operation makes."""
        return self._spec(output, output.name, part, machine, persistent=persistent)

    def operation(self, call: Call) -> tuple[Operation, tuple[TensorSpec, ...]]:
        """The next operation and the tensors that it makes."""
        prefix = f"{call.layer}." if call.layer else ""
        specs = tuple(
            [self._spec(output, _whole_name(prefix, output), call.part, call.machine) for output in call.outputs]
        )
        operation = Operation(
            index=len(self.program.operations),
            opcode=call.opcode,
            unit=call.unit,
            layer=call.layer,
            phase=call.phase,
            inputs=call.inputs,
            outputs=tuple([spec.index for spec in specs]) + call.in_place,
            gemms=call.gemms,
            work=call.work,
            attributes=call.attributes,
            after=call.after,
            part=call.part,
            machine=call.machine,
        )
        self.program.operations.append(operation)
        return operation, specs

    def _spec(self, output: Output, name: str, part: int, machine: int, *, persistent: bool = False) -> TensorSpec:
        # Each part, and each machine, counts for itself, so that its names are those of the first one; what is made
        # again has its own.
        suffix = "" if output.again else machine_suffix(machine) + part_suffix(part)
        self._names[name + suffix] += 1
        number = self._names[name + suffix]
        unique = (name if number == 1 else f"{name}.{number}") + suffix
        index = len(self.program.tensors)
        spec = TensorSpec(
            index, unique, output.shape, output.format, output.role, persistent, output.again, part, output.along
        )
        self.program.tensors.append(spec)
        return spec


def _whole_name(prefix: str, output: Output) -> str:
    return f"{output.again}.{AGAIN}" if output.again else prefix + output.name
