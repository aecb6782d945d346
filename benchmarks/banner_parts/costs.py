"""What a training step costs on each machine, by the timing and energy models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kept_trainings import ROOT
from rich.progress import track

import accelsim
from banner_parts.settings import Setting

MACHINES = ("fp32", "fp32_same_macs", "bf16", "flexpoint", "fp8_hybrid", "mxfp8", "int8_range_bn")
NETWORKS = ("cifar10_resnet20", "cifar10_resnet56", "cifar10_resnet110", "imagenet_resnet18", "imagenet_resnet50")
DELAYED = tuple(
    f"numerics.{role}.scale=delayed"
    for role in ("activation", "layer_gradient_data_path", "layer_gradient_weight_path", "layer_gradient_norm")
)
VARIANTS = (
    *(Setting(machine, machine, hwconfig=machine) for machine in MACHINES),
    Setting("int8_delayed", "int8_range_bn, delayed scales", DELAYED),
)


@dataclass(frozen=True)
class Cost:
    """One network's training step on one machine; ``summary`` as ``accelsim simulate --timing-only`` prints it."""

    network: str
    machine: Setting
    summary: dict[str, Any]

    def __getitem__(self, name: str) -> float:
        return float(self.summary[name])

    def against(self, other: Cost) -> dict[str, float]:
        """Shares of what ``other`` takes."""
        return {name: self[name] / other[name] for name in COMPARED}


COMPARED = {
    "model_size_bytes": "Model size",
    "training_memory_bytes": "Training memory",
    "time_per_step_s": "Time of a step",
    "energy_per_step_pj": "Energy of a step",
}
"""Figures that are set against the float machine's, with their names."""


def step_cost(network: str, machine: Setting, shared: Sequence[str] = ()) -> Cost:
    """One training step; ``shared`` are options beside the setting's own."""
    hw, workload = ROOT / "hwconfigs" / f"{machine.hwconfig}.yaml", ROOT / "workloads" / f"{network}.yaml"
    settings = [*shared, *machine.options]
    return Cost(network, machine, accelsim.simulate(hw, workload, settings=settings, timing_only=True).summary)


def costs() -> list[Cost]:
    """Every network on every machine."""
    cases = [(network, machine) for network in NETWORKS for machine in VARIANTS]
    return [step_cost(*case) for case in track(cases, "Costs")]
