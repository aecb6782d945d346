"""hwconfig: one accelerator, whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from accelsim.errors import nearest
from accelsim.formats import IntegerFormat, Product, Recipe, Role, TensorRule, format_by_name
from accelsim.hardware.memory import Buffers, Dram
from accelsim.hardware.numerics import Numerics
from accelsim.hardware.technology import Technology, load_technology, technology_names
from accelsim.hardware.units import Dataflow, FormatName, LaneUnit, MacArray, NormUnit
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
    mac_pj: Picojoules | None = None
    """Energy of one multiply-accumulate pass of the MAC array."""
    multiply_pj: dict[FormatName, Picojoules] = Field(default_factory=dict)
    """Energy of one multiplication, by format."""
    add_pj: dict[FormatName, Picojoules] = Field(default_factory=dict)
    """Energy of one addition, by format."""
    sram_pj_per_byte: Picojoules | None = None
    """Energy of one byte to or from any on-chip buffer."""


def _fits(name: str, *, integers: bool) -> bool:
    """True for a signed integer where ``integers`` asks for one, else for fp32."""
    format_ = format_by_name(name)
    return isinstance(format_, IntegerFormat) and format_.signed if integers else name == "fp32"


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
    quantise_unit: LaneUnit | None = None
    """Format conversion; needed wherever the numerics name more than one format."""
    update_unit: LaneUnit
    """Optimizer arithmetic."""
    buffers: Buffers
    """On-chip memories."""
    dram: Dram
    """Off-chip memory."""
    energy: EnergyOverrides = EnergyOverrides()
    """Overrides of the technology's energy table."""
    numerics: Numerics
    """Number formats by tensor role."""

    @model_validator(mode="after")
    def _consistent(self) -> HardwareConfig:
        refuse("hwconfig", [*self._units(), *self._array()])
        return self

    def _units(self) -> Iterator[Fault]:
        weight = self.numerics.weight.format
        if self._integers and self.quantise_unit is None:
            yield Fault(("quantise_unit",), f"missing, and numerics.weight is {weight}; integer numerics need one")

    def _array(self) -> Iterator[Fault]:
        array, weight = self.mac_array, self.numerics.weight.number_format
        unsigned = isinstance(array.operand_format, IntegerFormat) and not array.operand_format.signed
        if array.operand_format.is_integer != weight.is_integer or unsigned:
            fitting = "int2 to int64" if weight.is_integer else "a floating-point format"
            text = f"found {array.operand}, but numerics.weight is {weight}; allowed: {fitting}"
            yield Fault(("mac_array", "operand"), text)
        rules = self.numerics.rules()
        for product, name in array.accumulators.model_dump().items():
            operands = [rules[role].format for role in OPERANDS[Product(product)]]
            integers = all(operand.is_integer for operand in operands)
            if not _fits(name, integers=integers):
                origin = "found" if product in array.accumulators.model_fields_set else "missing, and its default is"
                fitting = "int2 to int64" if integers else "fp32"
                text = f"{origin} {name}, but the operands are {' and '.join(map(str, operands))}; allowed: {fitting}"
                yield Fault(("mac_array", "accumulators", product), text)

    @property
    def _integers(self) -> bool:
        return self.numerics.weight.number_format.is_integer

    def recipe(self) -> Recipe:
        """The numerics as the Machine reads them."""
        accumulators = self.mac_array.accumulators
        rules = self.numerics.rules()
        rules[Role.INPUT] = TensorRule(format_by_name("fp32"))
        return Recipe(
            rules=rules,
            accumulators={product: format_by_name(getattr(accumulators, product.value)) for product in Product},
            norm=self.norm_unit.rule(rules[Role.NORM_STATISTIC].format),
            range_momentum=self.numerics.range_momentum,
            overflow=self.mac_array.overflow,
            order="sequential" if self.mac_array.dataflow is Dataflow.OUTPUT_STATIONARY else self.mac_array.rows,
        )

    def loaded_technology(self) -> Technology:
        return load_technology(self.technology)

    @property
    def dram_bytes_per_cycle(self) -> float:
        """Bytes that DRAM delivers in one clock cycle."""
        return self.dram.bandwidth_bytes_per_s * self.dram.efficiency / (self.clock_mhz * 1e6)

    @property
    def dram_latency_cycles(self) -> int:
        return round(self.dram.latency_ns * self.clock_mhz / 1000)


def load_hwconfig(path: Path | str, settings: Sequence[str] = ()) -> HardwareConfig:
    """Read and validate a hwconfig file, with ``settings`` (``path.to.field=value``) laid over it.

    Raises:
        UserError: with file, line, field, what was found and what is allowed.
    """
    return validated(HardwareConfig, override(read_marked(Path(path)), settings), "hwconfig")
