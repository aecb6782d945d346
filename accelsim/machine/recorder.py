"""A step's Program as it is recorded. A step that makes the calls of the step before gets the records back that those
calls made, so training builds the Program once and then only compares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from accelsim.formats import Format, Role
from accelsim.program import Gemm, Operation, Phase, Program, TensorSpec, Unit, Work


class Output(NamedTuple):
    """A tensor that an instruction is about to make; its name is prefixed with the layer's."""

    name: str
    shape: tuple[int, ...]
    format: Format
    role: Role = Role.INTERNAL


class Call(NamedTuple):
    """All that decides an operation; ``inputs`` and ``in_place`` are indices of tensors."""

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


class _Record(NamedTuple):
    call: Call | tuple[Output, bool]
    operations: tuple[Operation, ...]
    specs: tuple[TensorSpec, ...]
    names: tuple[str, ...]
    """Names that the tensors were given before equal ones were told apart."""


class Recorder:
    """Indices and names depend on all calls before, so the first call that differs ends what the last step left."""

    def __init__(self) -> None:
        self._records: list[_Record] = []
        self.begin()

    def begin(self) -> None:
        """Start a new step with an empty Program."""
        self.program = Program()
        self._position = 0
        self._names: Counter[str] | None = None

    def tensor(self, output: Output, *, persistent: bool = False) -> TensorSpec:
        """A tensor that no operation makes."""
        call = (output, persistent)
        record = self._known(call)
        if record is None:
            specs = (self._spec(output, output.name, 0, persistent=persistent),)
            record = self._keep(_Record(call, (), specs, (output.name,)))
        self.program.tensors += record.specs
        return record.specs[0]

    def operation(self, call: Call) -> tuple[Operation, tuple[TensorSpec, ...]]:
        """The next operation and the tensors that it makes."""
        record = self._known(call)
        if record is None:
            record = self._keep(self._recorded(call))
        self.program.tensors += record.specs
        self.program.operations += record.operations
        return record.operations[0], record.specs

    def _known(self, call: Any) -> _Record | None:
        """What the last step made of the same call at the same place."""
        if self._position == len(self._records):
            return None
        record = self._records[self._position]
        if record.call != call:
            del self._records[self._position :]
            return None
        self._position += 1
        return record

    def _keep(self, record: _Record) -> _Record:
        self._records.append(record)
        self._position += 1
        return record

    def _recorded(self, call: Call) -> _Record:
        prefix = f"{call.layer}." if call.layer else ""
        names = tuple(prefix + output.name for output in call.outputs)
        pairs = enumerate(zip(call.outputs, names, strict=True))
        specs = tuple(self._spec(output, name, place) for place, (output, name) in pairs)
        operation = Operation(
            index=len(self.program.operations),
            opcode=call.opcode,
            unit=call.unit,
            layer=call.layer,
            phase=call.phase,
            inputs=call.inputs,
            outputs=tuple(spec.index for spec in specs) + call.in_place,
            gemms=call.gemms,
            work=call.work,
            attributes=call.attributes,
        )
        return _Record(call, (operation,), specs, names)

    def _spec(self, output: Output, name: str, place: int, *, persistent: bool = False) -> TensorSpec:
        if self._names is None:
            self._names = Counter(name for record in self._records for name in record.names)
        self._names[name] += 1
        unique = name if self._names[name] == 1 else f"{name}.{self._names[name]}"
        index = len(self.program.tensors) + place
        return TensorSpec(index, unique, output.shape, output.format, output.role, persistent)
