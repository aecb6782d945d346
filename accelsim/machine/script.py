"""A step's calls, written down, so that a machine can repeat them without the layers that made them.

What a layer calls follows from shapes, formats and fields, never from the numbers in a tensor: handles tell a layer
nothing else. So equal steps make equal calls, and only the arrays, the learning rate and the step number differ. A
machine holds the second of two equal steps to the first before it repeats them (``first_difference``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from accelsim.machine.constant import Constant
from accelsim.machine.parameter import Parameter
from accelsim.machine.recorder import Recorder
from accelsim.machine.tensor import Tensor, Value, View
from accelsim.program import Operation, TensorSpec

Seen = tuple[int, tuple[View, ...]]
"""A tensor of the Program and how it is seen."""
Execute = Callable[[Operation, tuple[Tensor, ...], tuple[TensorSpec, ...]], Sequence[Value]]


class Line(NamedTuple):
    """One operation, by the places of its tensors: those that it reads, those that it makes, and those that nobody
    needs afterwards. ``views`` (target, source, view) come first."""

    operation: Operation
    views: tuple[tuple[int, int, View], ...]
    inputs: tuple[int, ...]
    outputs: tuple[TensorSpec, ...]
    spent: tuple[int, ...]


class Script(NamedTuple):
    """A whole step: what it starts from, its lines, and the places of the tensors that it leaves."""

    recorder: Recorder
    externals: tuple[tuple[str, TensorSpec], ...]
    persistent: tuple[tuple[Parameter | Constant, TensorSpec], ...]
    lines: tuple[Line, ...]
    places: int
    left: tuple[int, ...]
    left_views: tuple[tuple[int, int, View], ...]

    def run(self, start: Iterable[Tensor], execute: Execute) -> tuple[Tensor, ...]:
        """Execute all lines on the tensors of ``start``; each tensor is let go after its last use."""
        held: list[Any] = [None] * self.places
        at = held.__getitem__
        for tensor in start:
            held[tensor.spec.index] = tensor
        for operation, views, inputs, outputs, spent in self.lines:
            if views:
                _see(held, views)
            values = execute(operation, tuple(map(at, inputs)), outputs)
            if len(outputs) == 1:
                (spec,), (value,) = outputs, values
                held[spec.index] = Tensor(spec, spec.shape, value)
            elif outputs:
                for spec, value in zip(outputs, values, strict=True):
                    held[spec.index] = Tensor(spec, spec.shape, value)
            for place in spent:
                held[place] = None
        _see(held, self.left_views)
        return tuple(map(at, self.left))


def first_difference(one: Script, other: Script) -> str:
    """Where two steps part, in words; empty where they make the same calls and leave the same tensors."""
    for a, b in zip(one.lines, other.lines, strict=False):
        if a != b:
            return f"{a.operation.name}, then {b.operation.name}, or the same on other tensors"
    if len(one.lines) != len(other.lines):
        return f"{len(one.lines)} operations, then {len(other.lines)}"
    same = all(getattr(one, name) == getattr(other, name) for name in Script._fields if name != "recorder")
    return "" if same else "other tensors from outside or left at the end"


def _see(held: list[Any], views: Iterable[tuple[int, int, View]]) -> None:
    for target, source, view in views:
        held[target] = view.of(held[source])


class Notebook:
    """Takes a step's calls down as they are made."""

    def __init__(self) -> None:
        self.externals: list[tuple[str, TensorSpec]] = []
        self.persistent: list[tuple[Parameter | Constant, TensorSpec]] = []
        self.calls: list[tuple[Operation, tuple[Seen, ...], tuple[TensorSpec, ...]]] = []

    def operation(self, operation: Operation, inputs: Iterable[Tensor], outputs: tuple[TensorSpec, ...]) -> None:
        """A call of ``operation``."""
        self.calls.append((operation, tuple([(x.spec.index, x.views) for x in inputs]), outputs))

    def script(self, recorder: Recorder, left: Sequence[Tensor]) -> Script:
        """All calls as a script, at whose end the tensors of ``left`` are still there."""
        places = _Places(len(recorder.program.tensors))
        drafts = [(operation, *places.of(inputs), outputs) for operation, inputs, outputs in self.calls]
        kept, kept_views = places.of([(tensor.spec.index, tensor.views) for tensor in left])
        needed = {*kept, *(source for _, source, _ in kept_views)}
        lines = []
        for operation, inputs, views, outputs in reversed(drafts):
            touched = {*inputs, *(spec.index for spec in outputs)}
            touched |= {place for target, source, _ in views for place in (target, source)}
            lines.append(Line(operation, views, inputs, outputs, tuple(sorted(touched - needed))))
            needed |= touched
        return Script(
            recorder.copy(),
            tuple(self.externals),
            tuple(self.persistent),
            tuple(reversed(lines)),
            places.count,
            kept,
            kept_views,
        )


class _Places:
    """Tensors have their index as their place; each way to see one has a place behind those."""

    def __init__(self, tensors: int) -> None:
        self.count = tensors
        self._views: dict[Seen, int] = {}

    def of(self, seen: Iterable[Seen]) -> tuple[tuple[int, ...], tuple[tuple[int, int, View], ...]]:
        """Places, and the views that have to be made for them first."""
        new: list[tuple[int, int, View]] = []
        return tuple([self._place(index, views, new) for index, views in seen]), tuple(new)

    def _place(self, index: int, views: tuple[View, ...], new: list[tuple[int, int, View]]) -> int:
        if not views:
            return index
        if (index, views) not in self._views:
            source = self._place(index, views[:-1], new)
            self._views[index, views] = self.count
            new.append((self.count, source, views[-1]))
            self.count += 1
        return self._views[index, views]
