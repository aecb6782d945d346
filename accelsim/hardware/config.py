"""hwconfig: one accelerator, whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from accelsim.formats import IntegerFormat, NormRule, Product, Recipe, Role, TensorRule, format_by_name
from accelsim.hardware.memory import Buffers, Dram
from accelsim.hardware.numerics import Numerics
from accelsim.hardware.technology import Technology, load_technology
from accelsim.hardware.units import FormatName, LaneUnit, MacArray, NormUnit
from accelsim.yamlfile import FileModel, load_model, quantity


def _known_technology(found: Any) -> Any:
    if isinstance(found, str):
        load_technology(found)
    return found


class EnergyOverrides(FileModel):
    """Figures of your own in place of the technology's, in pJ."""

    source: str = ""
    """Where they come from; shown beside the results."""
    mac_pj: Annotated[float, Field(ge=0)] | None = None
    """Energy of one multiply-accumulate pass of the MAC array."""
    multiply_pj: dict[FormatName, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    """Energy of one multiplication, by format."""
    add_pj: dict[FormatName, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    """Energy of one addition, by format."""
    sram_pj_per_byte: Annotated[float, Field(ge=0)] | None = None
    """Energy of one byte to or from any on-chip buffer."""


class HardwareConfig(FileModel):
    """A training accelerator."""

    name: Annotated[str, Field(min_length=1, pattern=r"^[\w.-]+$")]
    """Short name, used for folders and tables."""
    description: str = ""
    """What this machine is and where its figures come from."""
    clock_mhz: Annotated[float, quantity("MHz"), Field(gt=0, allow_inf_nan=False)]
    """Clock of every unit, in MHz or as a quantity such as 1 GHz."""
    technology: Annotated[str, BeforeValidator(_known_technology)]
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
        integers = self.numerics.weight.number_format.is_integer
        if integers and self.quantise_unit is None:
            raise ValueError("quantise_unit is missing, and integer numerics need one")
        if self.mac_array.operand_format.is_integer != integers:
            raise ValueError(
                f"mac_array.operand is {self.mac_array.operand} but numerics.weight is {self.numerics.weight.format}"
            )
        for product, name in self.mac_array.accumulators.model_dump().items():
            format_ = format_by_name(name)
            if format_.is_integer != integers or (isinstance(format_, IntegerFormat) and not format_.signed):
                raise ValueError(
                    f"mac_array.accumulators.{product} is {name}, which does not fit {self.mac_array.operand}"
                )
        return self

    def recipe(self) -> Recipe:
        """The numerics as the Machine reads them."""
        accumulators = self.mac_array.accumulators
        rules = self.numerics.rules()
        rules[Role.INPUT] = TensorRule(format_by_name("fp32"))
        norm = self.norm_unit
        return Recipe(
            rules=rules,
            accumulators={product: format_by_name(getattr(accumulators, product.value)) for product in Product},
            norm=NormRule(norm.spread, norm.chunks, norm.constant, rules[Role.NORM_STATISTIC].format),
            range_momentum=self.numerics.range_momentum,
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


def load_hwconfig(path: Path | str) -> HardwareConfig:
    """Read and validate a hwconfig file.

    Raises:
        UserError: with file, line, field, what was found and what is allowed.
    """
    return load_model(HardwareConfig, Path(path))
