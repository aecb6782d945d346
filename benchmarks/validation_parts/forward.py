"""Forward passes as a deployed network runs them, traced and timed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from accelsim.energy import EnergyBreakdown, operation_energy
from accelsim.formats import Role
from accelsim.hardware import HardwareConfig, load_hwconfig
from accelsim.layers import BatchNorm, Layer, run
from accelsim.machine import Parameter, Tensor
from accelsim.networks.network import named
from accelsim.program import Operation, Program, Unit
from accelsim.timing import OperationTiming, simulate
from accelsim.tracing import Tracer

ROOT = Path(__file__).parents[2]


class Deployed(Tracer):
    """Weights are stored in the format of the products; the branches of a residual are narrowed before their sum."""

    def parameter(self, parameter: Parameter) -> Tensor:
        return super().parameter(replace(parameter, role=parameter.used_as))

    def add(self, a: Tensor, b: Tensor, name: str = "sum") -> Tensor:
        return super().add(self.quantise(a, Role.ACTIVATION), self.quantise(b, Role.ACTIVATION), name)


@dataclass(frozen=True)
class Forward:
    """One timed forward pass; figures are of the MAC array's operations, or of all."""

    hw: HardwareConfig
    program: Program
    operations: Sequence[tuple[Operation, OperationTiming]]
    total_cycles: int

    @property
    def seconds(self) -> float:
        return self.total_cycles / (self.hw.clock_mhz * 1e6)

    @property
    def macs(self) -> int:
        return sum(operation.macs for operation, _ in self.operations)

    @property
    def array_cycles(self) -> int:
        """In which the array works, what it loses as tiles cut what streams through it among them."""
        return sum(timing.compute_cycles + timing.stalls.revisit_cycles for _, timing in self.operations)

    @property
    def wait_cycles(self) -> int:
        """In which it is held up by DRAM or buffers."""
        return sum(timing.stall_cycles - timing.stalls.revisit_cycles for _, timing in self.operations)

    @property
    def dram_bytes(self) -> int:
        return sum(timing.dram_read_bytes + timing.dram_write_bytes for _, timing in self.operations)

    @property
    def dram_share(self) -> float:
        """Percent of the time that its traffic takes at DRAM's full bandwidth."""
        bytes_per_cycle = (self.hw.dram.bandwidth_bytes_per_s or 0) / (self.hw.clock_mhz * 1e6)
        return 100 * self.dram_bytes / bytes_per_cycle / self.total_cycles

    @property
    def energy(self) -> EnergyBreakdown:
        parts = [operation_energy(self.program, operation, timing, self.hw) for operation, timing in self.operations]
        return sum(parts, EnergyBreakdown())

    @property
    def chip_pj(self) -> float:
        """Energy without DRAM."""
        return self.energy.total_pj - self.energy.dram_pj


@cache
def machine(name: str, *settings: str) -> HardwareConfig:
    """A shipped hwconfig for inference: scales of activations are known ahead."""
    fixed = () if name == "tpu_v4i" else ("numerics.activation.scale=delayed",)
    return load_hwconfig(ROOT / "hwconfigs" / f"{name}.yaml", [*fixed, *settings])


def forward(
    hw: HardwareConfig, layers: Sequence[Layer], input_shape: Sequence[int], batch: int, *, whole: bool = False
) -> Forward:
    """Time one forward pass of layers in a row, whose input and result are activations in DRAM.

    Batch norm is left out, as it folds into the weights. Only the products take time and move data, unless ``whole``.
    """
    m = Deployed(hw.recipe())
    m.begin(training=False)
    x = m.external("images", (batch, *input_shape), hw.recipe()[Role.ACTIVATION].format, Role.ACTIVATION)
    y, _ = run(m, named(folded(layers)), x)
    m.quantise(y, Role.ACTIVATION)
    others = frozenset(op.index for op in m.program.operations if op.unit is not Unit.MAC_ARRAY and not whole)
    timeline = simulate(m.program, hw, untimed=others)
    pairs = zip(m.program.operations, timeline.operations, strict=True)
    return Forward(hw, m.program, [pair for pair in pairs if pair[0].index not in others], timeline.total_cycles)


def folded(layers: Sequence[Layer]) -> list[Layer]:
    """The layers without batch norm, branches included."""
    kept = [layer for layer in layers if not isinstance(layer, BatchNorm)]
    return [layer.with_children([folded(branch) for branch in layer.children()]) for layer in kept]
