"""The recorded work of one training step: operations, their tensors, sizes and dependencies.

A Program needs no data and no network: timing, energy, model size and the dtype table are functions of
it and of the hwconfig alone. It is saved and read back as JSON.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from accelsim.formats import Format, Role, format_by_name
from accelsim.formats.blocks import Along


class Unit(StrEnum):
    """The hardware unit that executes an operation."""

    MAC_ARRAY = "mac_array"
    VECTOR = "vector"
    NORM = "norm"
    QUANTISE = "quantise"
    UPDATE = "update"
    LINK = "link"
    """The links to the other machines of a cluster."""


class Phase(StrEnum):
    """The part of the training step in which an operation runs."""

    FORWARD = "forward"
    RECOMPUTE = "recompute"
    """Forward work that is done again for the backward pass, which needs what it let go."""
    DATA_GRADIENT = "data_gradient"
    WEIGHT_GRADIENT = "weight_gradient"
    ALL_REDUCE = "all_reduce"
    """Summing gradients over the machines of a cluster."""
    UPDATE = "update"


LAST_AXIS = Along()
"""Where blocks lie unless a product wants them elsewhere: along channels, or the columns of a matrix."""
SERIAL_PATH = (Phase.FORWARD, Phase.RECOMPUTE, Phase.DATA_GRADIENT)
"""Phases whose operations wait for each other from the first layer to the last and back."""


@dataclass(frozen=True)
class Gemm:
    """``count`` equal matrix products, (m x k) by (k x n) each: m*k*n multiply-accumulates.

    Products that count as one entry are those of the groups of a convolution: each has operands of its own.
    """

    m: int
    k: int
    n: int
    count: int = 1

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all of them."""
        return self.count * self.m * self.k * self.n


@dataclass(frozen=True)
class Work:
    """Lane work of a unit other than the MAC array.

    ``elements`` lane steps, each with ``multiplies`` and ``adds`` (a compare counts as an add) in ``format``.
    """

    elements: int
    multiplies: float
    adds: float
    format: Format


def part_suffix(part: int) -> str:
    """Ending of names in a part of the batch; none in the first one."""
    return f".part{part}" if part > 1 else ""


def machine_suffix(machine: int) -> str:
    """Ending of names on a machine of a cluster, before that of a part; none on the first one."""
    return f".machine{machine}" if machine > 1 else ""


@dataclass(frozen=True)
class TensorSpec:
    """A tensor as the hardware sees it; ``persistent`` ones outlive the step (parameters, state).

    ``again`` names the tensor of the forward pass whose values this one has, where it was made a second time. ``part``:
    of the batch, from 1 on, where a step takes it in parts; else 0, as for what belongs to all of them. ``along`` is
    where a block format has its blocks.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    format: Format
    role: Role
    persistent: bool = False
    again: str = ""
    part: int = 0
    along: Along = LAST_AXIS

    @property
    def plain_name(self) -> str:
        """The name without its part: that of the tensor in a step that takes the batch as one."""
        return self.name.removesuffix(part_suffix(self.part))

    @cached_property
    def elements(self) -> int:
        return math.prod(self.shape)

    @cached_property
    def bytes(self) -> int:
        return self.bytes_for(self.elements)

    def bytes_for(self, elements: int) -> int:
        """Bytes of some of its elements, with the scales of their blocks, one run after another."""
        return self.format.bytes_for(elements, self._run)

    @cached_property
    def _run(self) -> int:
        return self.along.run_in(self.shape) if self.shape else 0


@dataclass(frozen=True)
class Operation:
    """One instruction as issued; ``inputs`` and ``outputs`` are tensor indices.

    An output that is also persistent is written in place (parameters, running statistics). ``after`` are tensors that
    must have been made before it starts, though it doesn't read them. ``part`` is that of the batch, as of tensors.
    ``machine``: of a cluster, from 1 on, that works alone; else 0.
    """

    index: int
    opcode: str
    unit: Unit
    layer: str
    phase: Phase
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    gemms: tuple[Gemm, ...] = ()
    work: Work | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    after: tuple[int, ...] = ()
    part: int = 0
    machine: int = 0

    @property
    def name(self) -> str:
        suffix = machine_suffix(self.machine) + part_suffix(self.part)
        return f"{self.layer}/{self.phase}/{self.opcode}{suffix}"

    @property
    def macs(self) -> int:
        return sum(gemm.macs for gemm in self.gemms)

    @property
    def steps_parameter(self) -> bool:
        """True for an optimizer's step, whichever it is: the update unit overwrites its first operand, a parameter."""
        return self.unit is Unit.UPDATE and any(first in self.outputs for first in self.inputs[:1])


@dataclass
class Program:
    """Operations in issue order, and every tensor that they read or write."""

    tensors: list[TensorSpec] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)

    @property
    def macs(self) -> int:
        return sum(operation.macs for operation in self.operations)

    def inputs_of(self, operation: Operation) -> list[TensorSpec]:
        return [self.tensors[index] for index in operation.inputs]

    def outputs_of(self, operation: Operation) -> list[TensorSpec]:
        return [self.tensors[index] for index in operation.outputs]

    def dependencies(self) -> list[tuple[int, ...]]:
        """For each operation, the indices of the operations whose results it reads, overwrites or starts after."""
        last_writer: dict[int, int] = {}
        found = []
        for operation in self.operations:
            touched = (*operation.inputs, *operation.outputs, *operation.after)
            needed = {last_writer[i] for i in touched if i in last_writer}
            found.append(tuple(sorted(needed)))
            last_writer.update(dict.fromkeys(operation.outputs, operation.index))
        return found

    def last_uses(self) -> dict[int, int]:
        """Map each tensor to the index of the last operation that touches it."""
        return {i: op.index for op in self.operations for i in (*op.inputs, *op.outputs)}

    def peak_bytes(self) -> int:
        """Most bytes alive at once over the step, in issue order, persistent tensors included."""
        last = self.last_uses()
        alive = sum(tensor.bytes for tensor in self.tensors if tensor.persistent)
        peak, seen = alive, set[int]()
        for operation in self.operations:
            touched = {i for i in (*operation.inputs, *operation.outputs) if not self.tensors[i].persistent}
            alive += sum(self.tensors[i].bytes for i in touched - seen)
            seen |= touched
            peak = max(peak, alive)
            alive -= sum(self.tensors[i].bytes for i in touched if last[i] == operation.index)
        return peak

    def to_json(self) -> str:
        """Serialise; ``from_json`` gives an equal Program."""
        return json.dumps(
            {"tensors": [_plain(t) for t in self.tensors], "operations": [_plain(o) for o in self.operations]}
        )

    @classmethod
    def from_json(cls, text: str) -> Program:
        """Read what ``to_json`` wrote."""
        raw = json.loads(text)
        return cls([_tensor(item) for item in raw["tensors"]], [_operation(item) for item in raw["operations"]])


def _plain(value: Any) -> Any:
    if isinstance(value, Format):
        return value.name
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return value


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _tensor(raw: dict[str, Any]) -> TensorSpec:
    fields = {
        **raw,
        "shape": tuple(raw["shape"]),
        "format": format_by_name(raw["format"]),
        "role": Role(raw["role"]),
        "along": Along(*_tuples(raw["along"])) if "along" in raw else LAST_AXIS,
    }
    return TensorSpec(**fields)


def _operation(raw: dict[str, Any]) -> Operation:
    work = raw["work"]
    fields = {
        **raw,
        "unit": Unit(raw["unit"]),
        "phase": Phase(raw["phase"]),
        "inputs": tuple(raw["inputs"]),
        "outputs": tuple(raw["outputs"]),
        "gemms": tuple(Gemm(**gemm) for gemm in raw["gemms"]),
        "work": Work(**{**work, "format": format_by_name(work["format"])}) if work else None,
        "attributes": {key: _tuples(value) for key, value in raw["attributes"].items()},
        "after": tuple(raw.get("after", ())),
    }
    return Operation(**fields)
