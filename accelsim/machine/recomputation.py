"""Forward tensors that are let go, and made again when the backward pass reads them (Chen et al., arXiv 1604.06174).

While layers do their forward work, the calls that make tensors are taken down. In their backward, a call that reads one
of those reads a copy in its place, made by the same calls, in the order in which they were made. Nothing is made again
that no backward reads. Three kinds of tensor are kept instead, and none of them is a result of the layers' own work:

- their input; where they convert it first, the converted one, which is what they work on;
- what doesn't follow from that input: the codes of weights;
- what the backward pass has read before, because layers behind need it, too.

Whatever a call writes in place (running statistics) has been written, so such calls aren't repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from accelsim.errors import InternalError
from accelsim.machine.recorder import Call
from accelsim.machine.tensor import Tensor, View
from accelsim.program import Phase, TensorSpec, Unit


class Operand(NamedTuple):
    """What a call read: a tensor by its number and how it was seen, with its handle where it is kept."""

    number: int
    views: tuple[View, ...]
    kept: Tensor | None


class Making(NamedTuple):
    """How tensors were made: by the call of operation number ``order``."""

    order: int
    call: Call
    inputs: tuple[Operand, ...]
    outputs: tuple[TensorSpec, ...]


Redo = Callable[[Making, Sequence[Tensor]], Sequence[Tensor]]
"""Issues a making once more, on the tensors given."""


class Region:
    """The forward work of some layers on ``source``: how each tensor that is let go was made."""

    def __init__(self, source: Tensor) -> None:
        self._source = source.spec.index
        self._follows = {self._source}
        self.makers: dict[int, Making] = {}

    def take_down(self, order: int, call: Call, inputs: Sequence[Tensor], outputs: tuple[TensorSpec, ...]) -> None:
        """A call of the layers that was just issued."""
        if not outputs or self._follows.isdisjoint(call.inputs):
            return
        made = [spec.index for spec in outputs]
        self._follows.update(made)
        if call.unit is Unit.QUANTISE and call.inputs == (self._source,):
            return
        making = Making(order, call, tuple([self._operand(x) for x in inputs]), outputs)
        self.makers.update(dict.fromkeys(made, making))

    def _operand(self, x: Tensor) -> Operand:
        return Operand(x.spec.index, x.views, None if x.spec.index in self.makers else x)


@dataclass
class _Pass:
    """The backward of a region under way, which began when ``after`` was made; ``made``: copies so far, by original."""

    region: Region
    after: int
    made: dict[int, Tensor] = field(default_factory=dict)


class Recomputation:
    """Regions of one step that are open in the forward pass, and those whose backward is under way, outermost first."""

    def __init__(self, redo: Redo) -> None:
        self._redo = redo
        self._open: list[Region] = []
        self._passes: list[_Pass] = []
        self._read_again: set[int] = set()

    @contextmanager
    def opened(self, source: Tensor) -> Iterator[Region]:
        """Take down what is issued meanwhile."""
        region = Region(source)
        self._open.append(region)
        try:
            yield region
        finally:
            self._open.pop()

    @contextmanager
    def backward(self, region: Region, gradient: Tensor) -> Iterator[None]:
        """Make tensors of ``region`` again as they are read meanwhile, none before ``gradient`` is there."""
        self._passes.append(_Pass(region, gradient.spec.index))
        try:
            yield
        finally:
            self._passes.pop()

    @property
    def after(self) -> tuple[int, ...]:
        """Tensors that must be there before anything is made again."""
        return (self._passes[-1].after,) if self._passes else ()

    def present(self, inputs: Sequence[Tensor], phase: Phase) -> Sequence[Tensor]:
        """``inputs``, with copies in place of those that were let go."""
        if self._passes:
            # What layers behind have read as it was is there still.
            inputs = [x if x.spec.index in self._read_again else self._current(x) for x in inputs]
        if phase is not Phase.FORWARD:
            self._read_again.update([x.spec.index for x in inputs])
        return inputs

    def take_down(self, order: int, call: Call, inputs: Sequence[Tensor], outputs: tuple[TensorSpec, ...]) -> None:
        """A call that was just issued."""
        for region in self._open:
            region.take_down(order, call, inputs, outputs)

    def _current(self, x: Tensor) -> Tensor:
        found = self._home(x.spec.index)
        if found is None:
            return x
        if x.spec.index not in found.made:
            self._make(x.spec.index)
        return _seen(found.made[x.spec.index], x.views)

    def _home(self, index: int) -> _Pass | None:
        """Where copies of a tensor belong: with the innermost region that lets it go."""
        return next((each for each in reversed(self._passes) if index in each.region.makers), None)

    def _make(self, index: int) -> None:
        """Make a tensor, and first of all whatever it is made from that isn't there."""
        wanted, lacking = dict[int, Making](), [index]
        while lacking:
            index = lacking.pop()
            home = self._home(index)
            if home is None or index in home.made:
                continue
            making = home.region.makers[index]
            if making.order not in wanted:
                wanted[making.order] = making
                lacking += [operand.number for operand in making.inputs]
        for _, making in sorted(wanted.items()):
            copies = self._redo(making, [self._operand(operand) for operand in making.inputs])
            for spec, copy in zip(making.outputs, copies, strict=True):
                home = self._home(spec.index)
                if home is not None:
                    home.made[spec.index] = copy

    def _operand(self, operand: Operand) -> Tensor:
        home = self._home(operand.number)
        if home is not None:
            return _seen(home.made[operand.number], operand.views)
        if operand.kept is None:
            raise InternalError(f"tensor {operand.number} was let go, and its region has no backward under way")
        return operand.kept


def _seen(x: Tensor, views: Sequence[View]) -> Tensor:
    for view in views:
        x = view.of(x)
    return x
