"""Which format, rounding and scale each tensor of a training step has: the numerics recipe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal

from accelsim.formats.format import Format
from accelsim.formats.loss_scale import LossScale


class Role(StrEnum):
    """What a tensor is for; the hwconfig gives each role a number format."""

    INPUT = "input"
    LABEL = "label"
    WEIGHT = "weight"
    WEIGHT_BACKWARD = "weight_data_gradient"
    BIAS = "bias"
    NORM_PARAMETER = "norm_parameter"
    ACTIVATION = "activation"
    ACTIVATION_BACKWARD = "activation_weight_gradient"
    LOSS = "loss"
    GRADIENT_DATA = "layer_gradient_data_path"
    GRADIENT_WEIGHT = "layer_gradient_weight_path"
    GRADIENT_NORM = "layer_gradient_norm"
    WEIGHT_GRADIENT = "weight_gradient"
    EXCHANGED_GRADIENT = "exchanged_gradient"
    MASTER_WEIGHT = "master_weight"
    OPTIMIZER_STATE = "optimizer_state"
    NORM_STATISTIC = "norm_statistic"
    ACCUMULATOR = "accumulator"
    INTERNAL = "internal"


SCALED_BELOW_BITS = 16
"""Floats narrower than this have a scale that brings their range to the largest number; wider ones have none."""


class Rounding(StrEnum):
    """How a value between two codes is rounded.

    ``nearest`` is what common hardware does: gemmlowp's two roundings where wide integers are requantised, nearest
    even from floats. The others round once; ``truncate`` drops the bits below (toward minus infinity).
    """

    NEAREST = "nearest"
    NEAREST_EVEN = "nearest_even"
    NEAREST_AWAY = "nearest_away"
    TRUNCATE = "truncate"
    STOCHASTIC = "stochastic"


class ScalePolicy(StrEnum):
    """Where a scale comes from.

    ``current``: the tensor's own largest magnitude, so it is written, its range known, then requantised: two passes.
    ``delayed``: the largest of the last steps' magnitudes; ``running``: their running average. Both are known
    ahead: one pass, and what exceeds the range saturates.
    """

    CURRENT = "current"
    DELAYED = "delayed"
    RUNNING = "running"


class Granularity(StrEnum):
    """What shares a scale; ``per_sample_average`` averages each sample's minimum and maximum over the batch."""

    PER_TENSOR = "per_tensor"
    PER_CHANNEL = "per_channel"
    PER_SAMPLE_AVERAGE = "per_sample_average"


class ScaleForm(StrEnum):
    """How a scale is represented: a double, a 31-bit mantissa and a shift, or a power of two (rounded up)."""

    FLOAT = "float"
    FIXED_POINT = "fixed_point"
    POWER_OF_TWO = "power_of_two"


class Product(StrEnum):
    """The three matrix products of a layer; each has an accumulator format of its own."""

    FORWARD = "forward"
    DATA_GRADIENT = "data_gradient"
    WEIGHT_GRADIENT = "weight_gradient"


class RandomSource(StrEnum):
    """What makes the random bits: the counter-based generator, or a shift register as hardware would have it."""

    PHILOX = "philox"
    LFSR = "lfsr"


@dataclass(frozen=True)
class TensorRule:
    """Format, rounding and scale of one role; ``random_bits`` counts the bits that stochastic rounding adds.

    ``affine`` integers have a zero point: their range is the tensor's own, widened to contain 0.
    """

    format: Format
    rounding: Rounding = Rounding.NEAREST
    random_bits: int = 16
    random_source: RandomSource = RandomSource.PHILOX
    policy: ScalePolicy = ScalePolicy.CURRENT
    granularity: Granularity = Granularity.PER_TENSOR
    scale_form: ScaleForm = ScaleForm.FLOAT
    affine: bool = False
    history: int = 16
    headroom: float = 1.0

    @cached_property
    def one_pass(self) -> bool:
        """True when no range of the whole tensor is waited for.

        The scale comes from earlier steps (Flexpoint's always does), from a block alone, or there is none.
        """
        known_ahead = {
            "float": self.format.bits >= SCALED_BELOW_BITS,
            "block": not self.format.tensor_scaled,
            "flexpoint": True,
        }
        return self.policy is not ScalePolicy.CURRENT or known_ahead.get(self.format.family, False)

    @cached_property
    def as_attributes(self) -> dict[str, Any]:
        """How tensors are converted, as attributes of a recorded operation."""
        return {
            "rounding": str(self.rounding),
            "random_bits": self.random_bits,
            "random_source": str(self.random_source),
            "scale": str(self.policy),
            "granularity": str(self.granularity),
            "scale_form": str(self.scale_form),
            "affine": self.affine,
            "history": self.history,
            "headroom": self.headroom,
            "one_pass": self.one_pass,
        }


@dataclass(frozen=True)
class NormRule:
    """How the normalisation unit measures spread (Banner et al. 2018, section 3).

    ``spread`` is ``range``, ``deviation`` or ``l1``; ``chunks`` and ``constant`` matter to ``range`` alone:
    ``paper`` is C(n) = 1/sqrt(2 ln n), ``code`` the published code's 0.5402/sqrt(2 ln n).

    ``epsilon_place``: ``inside`` divides by sqrt(variance + epsilon), ``outside`` by the deviation + epsilon; a range
    or an l1 spread has epsilon added in both. ``none`` adds nothing. ``auto`` is none for integers, which know a zero
    spread when they see one, and inside for floats. ``running_average`` is of the ``spread`` or of its ``inverse``.
    """

    spread: str
    chunks: int
    constant: str
    statistic_format: Format
    epsilon: float = 1e-5
    epsilon_place: str = "auto"
    running_average: str = "spread"


FIRST, LAST = "first", "last"
"""What a match may say beside patterns: the first and the last layer with a matrix product."""
Rules = Mapping[Role, TensorRule]


def completed(given: Rules) -> dict[Role, TensorRule]:
    """``given`` with the rules that follow from others: what backward reads again is by default as forward had it.

    A scale for each channel can't leave the data-gradient product, which reduces that axis.
    """
    backward = replace(given[Role.WEIGHT], granularity=Granularity.PER_TENSOR)
    followers = {Role.WEIGHT_BACKWARD: backward, Role.ACTIVATION_BACKWARD: given[Role.ACTIVATION]}
    return {**given, **{role: rule for role, rule in followers.items() if role not in given}}


@dataclass(frozen=True)
class LayerRules:
    """Rules of the layers that ``match`` names: by shell patterns of their names, ``FIRST`` and ``LAST``."""

    match: tuple[str, ...]
    rules: Rules


@dataclass(frozen=True)
class Exchange:
    """How ``machines`` of one kind, each with its share of the batch, sum their gradients (``machine/exchange.py``).

    What is sent has the rule of the role ``EXCHANGED_GRADIENT`` where the recipe has one. Gradients travel together up
    to ``bucket_bytes``. ``rounds_each_sum``: partial sums are rounded like what is sent, and not the last one alone.
    """

    machines: int
    bucket_bytes: int
    rounds_each_sum: bool = False


@dataclass(frozen=True)
class Recipe:
    """The whole numerics of one accelerator, as the Machine needs it.

    Integer accumulators ``wrap`` or ``saturate``; ``order`` is that of addition, which decides what saturates:
    sequential, or runs of so many terms. Integers wider than ``slice_bits`` are multiplied in slices of that width.
    ``chunk`` terms are what a floating-point accumulator adds up at a time; with None those of fp32 follow the
    backend, and narrower ones ``order``. ``learning_rate`` is how an integer update multiplies by it. ``hadamard`` is
    how many samples a random Hadamard transform mixes in the operands of a weight gradient, None for none.
    ``loss_scale`` is what the loss's gradient is multiplied by before the backward pass, None for nothing. ``exchange``
    is None for a machine that trains alone.

    ``layers`` give rules anew where a layer matches, later ones over earlier ones; ``followed`` are the roles of
    ``rules`` that nobody set. A network fits them to its layers, which leaves none and fills ``by_layer``: all rules of
    each layer that has some of its own.
    """

    rules: Rules
    accumulators: Mapping[Product, Format]
    norm: NormRule
    range_momentum: float
    overflow: Literal["wrap", "saturate"] = "wrap"
    order: Literal["sequential"] | int = "sequential"
    slice_bits: int | None = None
    chunk: int | None = None
    learning_rate: Literal["exact", "power_of_two"] = "exact"
    hadamard: int | None = None
    loss_scale: LossScale | None = None
    exchange: Exchange | None = None
    layers: tuple[LayerRules, ...] = ()
    followed: frozenset[Role] = frozenset()
    by_layer: Mapping[str, Rules] = field(default_factory=dict)

    def __getitem__(self, role: Role) -> TensorRule:
        return self.rules[role]

    @property
    def skips_overflows(self) -> bool:
        """Whether a step with a gradient that is not finite updates nothing: loss scaling is dynamic."""
        return self.loss_scale is not None and self.loss_scale.dynamic

    @property
    def machines(self) -> int:
        """Machines that train together."""
        return self.exchange.machines if self.exchange else 1

    def of(self, layer: str) -> Rules:
        """All rules of a layer."""
        return self.by_layer.get(layer, self.rules)

    def with_entries(self, numbers: Iterable[int]) -> dict[Role, TensorRule]:
        """All rules of a layer that the entries ``numbers`` of ``layers`` match: of a role, the last one's."""
        given = {role: rule for role, rule in self.rules.items() if role not in self.followed}
        for number in sorted(numbers):
            given |= self.layers[number].rules
        return completed(given)


def float_recipe(format_: Format) -> Recipe:
    """Every role and accumulator in one floating-point format, with ordinary batch norm."""
    return Recipe(
        rules={role: TensorRule(format_) for role in Role},
        accumulators=dict.fromkeys(Product, format_),
        norm=NormRule("deviation", 1, "paper", format_),
        range_momentum=0.0,
    )
