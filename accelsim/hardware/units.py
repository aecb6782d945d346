"""hwconfig: the compute units of the accelerator."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from accelsim.formats import Format, NormRule, format_by_name
from accelsim.formats.registry import FORMATS
from accelsim.yamlfile import Allowed, Fault, FileModel, refuse


class Dataflow(StrEnum):
    """Which operand of a systolic array stays in place."""

    OUTPUT_STATIONARY = "os"
    WEIGHT_STATIONARY = "ws"
    INPUT_STATIONARY = "is"


_LONG_NAMES = {"output_stationary": "os", "weight_stationary": "ws", "input_stationary": "is"}


def _short(found: Any) -> Any:
    return _LONG_NAMES.get(found, found) if isinstance(found, str) else found


def _checked_format(found: Any) -> Any:
    if isinstance(found, str):
        format_by_name(found)
    return found


FormatName = Annotated[str, BeforeValidator(_checked_format), Allowed(FORMATS)]
"""Name of a number format, checked: ``int8``, ``int32``, ``fp32``, ..."""


class Accumulators(FileModel):
    """Accumulator format of each of the three products: an integer for integers, else fp32, bf16, fp16 or fp16_e6m9."""

    forward: FormatName = "int32"
    """Accumulator of activations x weights."""
    data_gradient: FormatName = "int32"
    """Accumulator of layer gradients (data path) x weights."""
    weight_gradient: FormatName = "int48"
    """Accumulator of activations x layer gradients (weight path)."""


class MacArray(FileModel):
    """One or more identical systolic arrays of multiply-accumulate units."""

    count: Annotated[int, Field(ge=1, le=1024)] = 1
    """Number of arrays; two products that don't depend on each other run side by side on two arrays."""
    split_products: bool = False
    """All arrays work on one product at a time, each on its share of the folds of every tile, instead of on products
    side by side."""
    rows: Annotated[int, Field(ge=1, le=65536)]
    """Rows of one array."""
    columns: Annotated[int, Field(ge=1, le=65536)]
    """Columns of one array."""
    operand: FormatName
    """Widest operand that a multiplier takes in one pass; wider integers take one pass for each slice. int8 multiplies
    int8 x int16 in two passes, low and high byte; int16 in one, with the energy and area of 16-bit multipliers."""
    dataflow: Annotated[
        Dataflow,
        BeforeValidator(_short),
        Allowed("os (output_stationary), ws (weight_stationary), is (input_stationary)", (*Dataflow, *_LONG_NAMES)),
        WithJsonSchema({"type": "string", "enum": [*Dataflow, *_LONG_NAMES]}),
    ]
    """os (output_stationary), ws (weight_stationary) or is (input_stationary)."""
    edge_folds: Literal["full", "used"] = "full"
    """Whether a fold that fills the array only in part takes the time of the whole array, or of the rows and columns
    that it uses."""
    fold_overlap: Literal["serial", "overlapped"] = "serial"
    """serial: a fold starts when the one before it has drained. overlapped: the stationary operand of a fold is loaded
    (double-buffered), and results drain, beneath the fold beside it."""
    cycles_per_mac: Annotated[int, Field(ge=1, le=1024)] = 1
    """Cycles for which a multiply-accumulate occupies its place."""
    tiling: Literal["rule", "search"] = "rule"
    """How the buffer tiles of a product are found: among halvings of the product, or among many more shapes."""
    tiling_goal: Literal["time", "traffic"] = "time"
    """What tiles of a product are best: those that take least time, or those of least DRAM traffic, which may take
    longer and save energy; of equals, those that take least time."""
    prefetch: bool = False
    """Whether an operation, of any unit, fetches its first tile while its unit works on the last tile of the operation
    before it. Needs double-buffered operand buffers."""
    accumulators: Accumulators = Accumulators()
    """Accumulator format by product."""
    overflow: Literal["wrap", "saturate"] = "wrap"
    """What an integer accumulator does at its limits. Saturation follows the array's order of addition: term by term
    for os, in runs of ``rows`` terms for ws and is; each pass goes on from what the pass before it left. Floats
    overflow to infinity."""
    accumulate_chunk: Annotated[int, Field(ge=1, le=1 << 30)] | None = None
    """Floating-point accumulators alone: sums of this many products, then the sum of those sums, rounded after every
    addition (Wang et al. 2018). Without it fp32 adds in the order of the backend, and narrower accumulators as the
    dataflow does: one sum for os, sums of ``rows`` products for ws and is."""

    @property
    def operand_format(self) -> Format:
        return format_by_name(self.operand)

    @property
    def order(self) -> Literal["sequential"] | int:
        """Order of addition: one sum, or sums of so many products that are then added up."""
        return "sequential" if self.dataflow is Dataflow.OUTPUT_STATIONARY else self.rows

    @property
    def products_at_once(self) -> int:
        """Products that can run side by side."""
        return 1 if self.split_products else self.count

    @property
    def places(self) -> int:
        """Multiply-accumulate units of all arrays."""
        return self.count * self.rows * self.columns

    @property
    def macs_per_cycle(self) -> float:
        """Peak of all arrays."""
        return self.places / self.cycles_per_mac

    def passes(self, first: Format, second: Format) -> int:
        """Passes over the array that a product of these two operand formats takes (1 when both fit)."""
        width = self.operand_format.bits
        return -(-first.bits // width) * -(-second.bits // width)


class LaneUnit(FileModel):
    """A SIMD unit: each lane finishes one element step per cycle."""

    lanes: Annotated[int, Field(ge=1, le=1_048_576)]
    """Elements per cycle."""


class NormUnit(LaneUnit):
    """The normalisation unit, and how it measures spread where a network asks for a norm."""

    spread: Literal["range", "deviation", "l1"]
    """range: range batch norm (Banner et al. 2018); deviation: ordinary batch norm; l1: the mean absolute deviation x
    sqrt(pi/2), which is the deviation of a Gaussian."""
    chunks: Annotated[int, Field(ge=1, le=4096)] = 1
    """Range only: the range is the mean over this many chunks of the batch (paper 1, published code 16);
    the largest divisor of the sample count up to this number is used."""
    constant: Literal["paper", "code"] = "paper"
    """Range only: paper is C(n) = 1/sqrt(2 ln n), about two standard deviations; code is 0.5402 of it, about one."""
    epsilon: Annotated[float, Field(ge=1e-12, le=1)] = 1e-5
    """Keeps the divisor off zero; in real units, worked out where scales are."""
    epsilon_place: Literal["auto", "none", "inside", "outside"] = "auto"
    """inside: sqrt(variance + epsilon); outside: deviation + epsilon. A range or an l1 spread has epsilon added in both
    (the published code adds it to the scaled range). none: a group without spread puts out beta and passes no
    gradient, and so it does in integers with any epsilon. auto: none in integers, inside in floating point."""
    running_average: Literal["spread", "inverse"] = "spread"
    """What batch norm averages for evaluation: the spread, or 1 / spread (the paper's published code). How much of the
    old average stays is the layer's running_momentum."""

    @model_validator(mode="after")
    def _used(self) -> NormUnit:
        refuse("norm_unit", [*self._unused()])
        return self

    def _unused(self) -> Iterator[Fault]:
        belongs = {"chunks": "spread 'range'", "constant": "spread 'range'"} if self.spread != "range" else {}
        if self.epsilon_place in ("auto", "none"):
            belongs["epsilon"] = "epsilon_place 'inside' or 'outside'"
        for field, place in belongs.items():
            found = getattr(self, field)
            if found != type(self).model_fields[field].default:
                yield Fault((field,), f"found {found!r}, but it belongs to {place}; leave it out")

    def rule(self, statistic_format: Format) -> NormRule:
        """As the recipe holds it."""
        return NormRule(
            self.spread,
            self.chunks,
            self.constant,
            statistic_format,
            self.epsilon,
            self.epsilon_place,
            self.running_average,
        )
