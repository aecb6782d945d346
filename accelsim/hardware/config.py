"""hwconfig: one accelerator, whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from accelsim.errors import nearest
from accelsim.formats import FP32, BlockFormat, Format, IntegerFormat, Product, Recipe, Role, TensorRule, format_by_name
from accelsim.hardware.cluster import Cluster
from accelsim.hardware.costs import COST_SOURCES, Costs, CostSource
from accelsim.hardware.dram import Dram
from accelsim.hardware.epilogues import Epilogue
from accelsim.hardware.memory import Buffers
from accelsim.hardware.numerics import Numerics
from accelsim.hardware.technology import Bound, technology_names
from accelsim.hardware.units import FormatName, LaneUnit, MacArray, NormUnit
from accelsim.hardware.update_unit import UpdateUnit
from accelsim.yamlfile import (
    Allowed,
    Fault,
    FileModel,
    Name,
    override,
    quantity,
    read_marked,
    refuse,
    validated,
)


def _known_technology(found: Any) -> Any:
    if isinstance(found, str) and found not in (names := technology_names()):
        text = "found {found}; allowed: {allowed}{hint}"
        values = {"found": repr(found), "allowed": ", ".join(names), "hint": nearest(found, names)}
        raise PydanticCustomError("value_error", text, values)
    return found


Picojoules = Annotated[float, Field(ge=0, le=1e9)]


class EnergyOverrides(FileModel):
    """Figures of your own in place of the technology's, in pJ."""

    source: str = ""
    """Where they come from; shown beside the results."""
    models: CostSource = "tables"
    """Where energy, area and leakage of arithmetic and memories come from: the technology's tables, or for integers and
    memories the models of the package hwcomponents at its node."""
    bound: Bound = Bound.NOMINAL
    """Where sources disagree: nominal takes the technology file's figures, low and high the ends of its bands."""
    static_power_mw: Annotated[float, quantity("mW"), Field(ge=0, le=1e9)] | None = None
    """Leakage and clock power of the chip while a step runs; the technology tables have no figure that was checked."""
    mac_pj: Picojoules | None = None
    """Energy of one multiply-accumulate pass of the MAC array."""
    multiply_pj: dict[FormatName, Picojoules] = Field(default_factory=dict)
    """Energy of one multiplication, by format."""
    add_pj: dict[FormatName, Picojoules] = Field(default_factory=dict)
    """Energy of one addition, by format."""
    sram_pj_per_byte: Picojoules | None = None
    """Energy of one byte to or from any on-chip buffer."""


FLOAT_ACCUMULATORS = ("fp32", "bf16", "fp16", "fp16_e6m9")


def _fits(name: str, *, integers: bool) -> bool:
    """True for a signed integer where ``integers`` asks for one, else for a float of 16 bits or more."""
    format_ = format_by_name(name)
    return isinstance(format_, IntegerFormat) and format_.signed if integers else name in FLOAT_ACCUMULATORS


def _has_integer_elements(format_: Format) -> bool:
    return isinstance(format_, BlockFormat) and format_.element.is_integer


def _multiplies(array: MacArray, weight: Format) -> bool:
    """Whether the multipliers take weights of this kind; elements of blocks may be taken as integers or floats."""
    return _has_integer_elements(weight) or array.operand_format.is_integer == weight.is_integer


OPERANDS = {
    Product.FORWARD: (Role.ACTIVATION, Role.WEIGHT),
    Product.DATA_GRADIENT: (Role.GRADIENT_DATA, Role.WEIGHT_BACKWARD),
    Product.WEIGHT_GRADIENT: (Role.ACTIVATION_BACKWARD, Role.GRADIENT_WEIGHT),
}
"""Roles of the operands of each product."""


class HardwareConfig(FileModel):
    """A training accelerator."""

    name: Name
    """Short name, used for folders and tables."""
    description: str = ""
    """What this machine is and where its figures come from."""
    clock_mhz: Annotated[float, quantity("MHz"), Field(ge=0.001, le=1e6)]
    """Clock of every unit, in MHz or as a quantity such as 1 GHz."""
    technology: Annotated[str, BeforeValidator(_known_technology), Allowed("the name of a technology")]
    """Process node of the energy and area tables."""
    mac_array: MacArray
    """The matrix engine."""
    vector_unit: LaneUnit
    """Element-wise work, pooling, loss."""
    norm_unit: NormUnit
    """Batch statistics and normalisation."""
    operation_overlap: Literal["overlapped", "serial"] = "overlapped"
    """overlapped: operations that don't wait for one another run side by side, on units that are free. serial: one
    operation after another, in the order of issue, as tools do that time a network layer by layer; more hardware then
    never makes a step longer, and prefetch and arrays beside the first one, without split_products, are of no use."""
    fused_epilogues: tuple[Epilogue, ...] = ()
    """Element-wise operations that are applied to the results of the operation before them as these drain, where they
    alone read them: nothing is stored between, and they take no time but what their lanes need. Conversions whose scale
    is known ahead always are; one with the scale of the tensor itself can't be, as it waits for the whole range."""
    quantise_unit: LaneUnit | None = None
    """Format conversion; needed wherever the numerics name more than one format."""
    update_unit: UpdateUnit
    """Optimizer arithmetic."""
    buffers: Buffers
    """On-chip memories."""
    dram: Dram
    """Off-chip memory."""
    energy: EnergyOverrides = EnergyOverrides()
    """Overrides of the technology's energy table."""
    numerics: Numerics
    """Number formats by tensor role."""
    cluster: Cluster | None = None
    """Several of these machines that share a batch; left out, one trains alone."""

    @model_validator(mode="after")
    def _consistent(self) -> HardwareConfig:
        refuse("hwconfig", [*self._units(), *self._array(), *self._layers()])
        return self

    def _units(self) -> Iterator[Fault]:
        if self.quantise_unit is None and (converted := next(self._converted(), "")):
            yield Fault(("quantise_unit",), f"missing, and {converted}; numerics other than fp32 alone need one")
        rate, master = self.update_unit.learning_rate, self.numerics.master_weight.number_format
        if rate != "exact" and not master.is_integer:
            text = f"found {rate!r}, but it belongs to integer numerics.master_weight, which is {master}; leave it out"
            yield Fault(("update_unit", "learning_rate"), text)

    def _array(self) -> Iterator[Fault]:
        array, weight = self.mac_array, self.numerics.weight.number_format
        unsigned = isinstance(array.operand_format, IntegerFormat) and not array.operand_format.signed
        if not _multiplies(array, weight) or unsigned:
            fitting = "int2 to int64" if weight.is_integer else "a floating-point format"
            fitting += ", int2 to int64" if _has_integer_elements(weight) else ""
            text = f"found {array.operand}, but numerics.weight is {weight}; allowed: {fitting}"
            yield Fault(("mac_array", "operand"), text)
        if array.prefetch and not (self.buffers.input.double_buffered and self.buffers.weight.double_buffered):
            text = "found True, but buffers.input or buffers.weight is not double-buffered; allowed: False"
            yield Fault(("mac_array", "prefetch"), text)
        rules = self.numerics.rules()
        for product, name in array.accumulators.model_dump().items():
            operands = [rules[role].format for role in OPERANDS[Product(product)]]
            integers = all(operand.is_integer for operand in operands)
            if not _fits(name, integers=integers):
                origin = "found" if product in array.accumulators.model_fields_set else "missing, and its default is"
                fitting = "int2 to int64" if integers else ", ".join(FLOAT_ACCUMULATORS)
                text = f"{origin} {name}, but the operands are {' and '.join(map(str, operands))}; allowed: {fitting}"
                yield Fault(("mac_array", "accumulators", product), text)
        names = array.accumulators.model_dump().values()
        if array.accumulate_chunk is not None and all(format_by_name(name).is_integer for name in names):
            text = f"found {array.accumulate_chunk}, but no accumulator is floating-point; leave it out"
            yield Fault(("mac_array", "accumulate_chunk"), text)

    def _layers(self) -> Iterator[Fault]:
        """Weights that some layers have otherwise meet the same multipliers, and kinds of format stay what they are."""
        for number, entry in enumerate(self.numerics.layers or ()):
            if entry.weight is not None and not _multiplies(self.mac_array, entry.weight.number_format):
                text = f"found {entry.weight.number_format}, but mac_array.operand is {self.mac_array.operand}"
                yield Fault(("numerics", "layers", number, "weight"), f"{text}; allowed: blocks of integers")

    def _converted(self) -> Iterator[str]:
        """What is not fp32, as inputs are, so that values must be converted; the update reads its state as it is."""
        for role, rule in chain.from_iterable(rules.items() for rules in self.numerics.all_rules()):
            if rule.format != FP32 and role not in (Role.OPTIMIZER_STATE, Role.NORM_STATISTIC):
                yield f"numerics.{role} is {rule.format}"
        for product, name in self.mac_array.accumulators.model_dump().items():
            if name != str(FP32):
                yield f"mac_array.accumulators.{product} is {name}"
        if self.cluster and self.cluster.gradient and self.cluster.gradient.number_format != FP32:
            yield f"cluster.gradient is {self.cluster.gradient.format}"

    @property
    def serial(self) -> bool:
        """Whether operations run one after another."""
        return self.operation_overlap == "serial"

    @property
    def machines(self) -> int:
        """Machines that train together."""
        return self.cluster.machines if self.cluster else 1

    def recipe(self) -> Recipe:
        """The numerics as the Machine reads them."""
        accumulators, operand = self.mac_array.accumulators, self.mac_array.operand_format
        rules = self.numerics.rules()
        rules[Role.INPUT] = TensorRule(format_by_name("fp32"))
        exchange = self.cluster.exchange() if self.cluster else None
        if self.cluster and exchange and self.cluster.rule:
            rules[Role.EXCHANGED_GRADIENT] = self.cluster.rule
        return Recipe(
            rules=rules,
            accumulators={product: format_by_name(getattr(accumulators, product.value)) for product in Product},
            norm=self.norm_unit.rule(rules[Role.NORM_STATISTIC].format),
            range_momentum=self.numerics.range_momentum,
            overflow=self.mac_array.overflow,
            order=self.mac_array.order,
            slice_bits=operand.bits if operand.is_integer else None,
            chunk=self.mac_array.accumulate_chunk,
            learning_rate=self.update_unit.learning_rate,
            hadamard=self.numerics.weight_gradient_hadamard,
            loss_scale=self.numerics.loss_scale.rule() if self.numerics.loss_scale is not None else None,
            exchange=exchange,
            layers=self.numerics.layer_rules(),
            followed=self.numerics.followed,
        )

    def at_bound(self, bound: Bound) -> HardwareConfig:
        """This machine with the energy tables at one end of their bands."""
        return self.model_copy(update={"energy": self.energy.model_copy(update={"bound": bound})})

    def costs(self) -> Costs:
        """Energy, area and leakage of arithmetic and memories, from where ``energy.models`` says.

        Raises:
            UserError: the source isn't installed.
        """
        return COST_SOURCES[self.energy.models](self.technology)


def load_hwconfig(path: Path | str, settings: Sequence[str] = ()) -> HardwareConfig:
    """Read and validate a hwconfig file, with ``settings`` (``path.to.field=value``) laid over it.

    Raises:
        UserError: with file, line, field, what was found and what is allowed.
    """
    return validated(HardwareConfig, override(read_marked(Path(path)), settings), "hwconfig")
