"""What a step shows to an observer: its quantisers, and the size of gradients and weights. Looking changes no bit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from accelsim.datapath.arrays import along_channels, is_per_channel, on_device, on_host
from accelsim.datapath.counts import QuantiserStatistics, statistics_of
from accelsim.datapath.distributions import Distribution, distribution_of
from accelsim.formats import FP32
from accelsim.machine import Tensor, Value
from accelsim.program import Operation, TensorSpec

CONVERSIONS = ("quantise", "requantise", "convert", "dequantise")


class Watcher(Protocol):
    """Anything that looks at the operations of a step, each after it was executed, and writes to none of them."""

    def see(
        self,
        xp: Any,
        op: Operation,
        inputs: Sequence[Tensor],
        outputs: Sequence[TensorSpec],
        values: Sequence[Value],
    ) -> None:
        """Take in one operation: its operands less their zero points, and what it made."""


class Power(NamedTuple):
    """Sum of the squares of a tensor's codes, as an array of ``xp``, and what the square of 1 stands for."""

    xp: Any
    squares: Any
    unit: float


class Quantised(NamedTuple):
    """One quantiser in one step."""

    spec: TensorSpec
    layer: str
    statistics: QuantiserStatistics


class Updated(NamedTuple):
    """One parameter in one step, before its update, and its gradient as the update read it, less the loss's scale."""

    weights: Distribution | None
    gradient: Distribution | None


@dataclass
class Observation:
    """What one step showed; it looks at ``quantisers``, at ``updates``, at ``distributions``, or at several of them.

    Of a batch in parts it looks at the quantisers of the first one, and at those that belong to all of them; of a
    cluster at those of the first machine.

    The powers are sums of squares in double precision over all parameters that the step updated: of their gradients as
    the update read them, before any clipping and with the loss's scale, and of their values before the update.
    ``loss_scale`` is that of the step, which distributions of gradients are without.
    """

    quantisers: bool = True
    updates: bool = True
    distributions: bool = False
    loss_scale: float = 1.0
    found: dict[str, Quantised] = field(default_factory=dict)
    updated: dict[str, Updated] = field(default_factory=dict)
    gradients: list[Power] = field(default_factory=list)
    weights: list[Power] = field(default_factory=list)

    @property
    def gradient_power(self) -> float:
        return _total(self.gradients)

    @property
    def weight_power(self) -> float:
        return _total(self.weights)

    @property
    def gradient_norm(self) -> float:
        return math.sqrt(self.gradient_power)

    @property
    def weight_norm(self) -> float:
        return math.sqrt(self.weight_power)

    def see(
        self,
        xp: Any,
        op: Operation,
        inputs: Sequence[Tensor],
        outputs: Sequence[TensorSpec],
        values: Sequence[Value],
    ) -> None:
        """Take in one operation that has just been executed."""
        first = op.part <= 1 and op.machine <= 1
        if self.quantisers and first and op.opcode in CONVERSIONS and outputs[0].format != FP32:
            self.found[outputs[0].name] = Quantised(
                outputs[0], op.layer, _statistics(xp, op, inputs[0], outputs, values)
            )
        elif op.steps_parameter:
            weights, gradient, *_ = inputs
            if self.updates:
                self.gradients.append(_power(xp, gradient))
                self.weights.append(_power(xp, weights))
            if self.distributions:
                self.updated[weights.name] = Updated(
                    distribution_of(weights), distribution_of(gradient, self.loss_scale)
                )


def _statistics(
    xp: Any, op: Operation, x: Tensor, outputs: Sequence[TensorSpec], values: Sequence[Value]
) -> QuantiserStatistics:
    (output,), (made,) = outputs, values
    scale = along_channels(made.scale, len(output.shape), output.role)
    return statistics_of(xp, x, made.data, scale, output.format, made.zero_point, output.along)


def _power(xp: Any, x: Tensor) -> Power:
    # Nearly all have one scale, and most of those are floats, whose scale is 1.
    if is_per_channel(x.scale):
        return Power(xp, ((xp.asarray(x.data) * on_device(xp, x.scale)).reshape(-1) ** 2).sum(), 1.0)
    values = xp.asarray(x.data).astype("float64").reshape(-1)
    values *= values
    return Power(xp, values.sum(), float(x.scale) ** 2)


def _total(powers: Sequence[Power]) -> float:
    """The sum of all powers, which come to the host in one transfer."""
    sums = on_host(powers[0].xp.stack([power.squares for power in powers])) if powers else ()
    return sum((float(squares) * power.unit for squares, power in zip(sums, powers, strict=True)), 0.0)
