"""Which format, rounding and scale each tensor of a training step has: the numerics recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from accelsim.formats.format import Format


class Role(StrEnum):
    """What a tensor is for; the hwconfig gives each role a number format."""

    INPUT = "input"
    LABEL = "label"
    WEIGHT = "weight"
    BIAS = "bias"
    NORM_PARAMETER = "norm_parameter"
    ACTIVATION = "activation"
    LOSS = "loss"
    GRADIENT_DATA = "layer_gradient_data_path"
    GRADIENT_WEIGHT = "layer_gradient_weight_path"
    GRADIENT_NORM = "layer_gradient_norm"
    WEIGHT_GRADIENT = "weight_gradient"
    MASTER_WEIGHT = "master_weight"
    OPTIMIZER_STATE = "optimizer_state"
    NORM_STATISTIC = "norm_statistic"
    ACCUMULATOR = "accumulator"
    INTERNAL = "internal"


class Rounding(StrEnum):
    """How a value between two codes is rounded."""

    NEAREST = "nearest"
    STOCHASTIC = "stochastic"


class Product(StrEnum):
    """The three matrix products of a layer; each has an accumulator format of its own."""

    FORWARD = "forward"
    DATA_GRADIENT = "data_gradient"
    WEIGHT_GRADIENT = "weight_gradient"


@dataclass(frozen=True)
class TensorRule:
    """Format and rounding of one role; ``random_bits`` counts the bits that stochastic rounding adds."""

    format: Format
    rounding: Rounding = Rounding.NEAREST
    random_bits: int = 16


@dataclass(frozen=True)
class NormRule:
    """How the normalisation unit measures spread (Banner et al. 2018, section 3).

    ``spread`` is ``range`` or ``deviation``; ``chunks`` and ``constant`` matter to ``range`` alone:
    ``paper`` is C(n) = 1/sqrt(2 ln n), ``code`` the published code's 0.5402/sqrt(2 ln n).
    """

    spread: str
    chunks: int
    constant: str
    statistic_format: Format


@dataclass(frozen=True)
class Recipe:
    """The whole numerics of one accelerator, as the Machine needs it."""

    rules: Mapping[Role, TensorRule]
    accumulators: Mapping[Product, Format]
    norm: NormRule
    range_momentum: float

    def __getitem__(self, role: Role) -> TensorRule:
        return self.rules[role]


def float_recipe(format_: Format) -> Recipe:
    """Every role and accumulator in one floating-point format, with ordinary batch norm."""
    return Recipe(
        rules={role: TensorRule(format_) for role in Role},
        accumulators=dict.fromkeys(Product, format_),
        norm=NormRule("deviation", 1, "paper", format_),
        range_momentum=0.0,
    )
