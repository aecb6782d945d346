"""Does more hardware ever make a step longer? Random machines and shipped ones, each with one thing doubled.

Run ``make more-hardware``; it writes reports/timing/more_hardware.md and more_hardware_serial.md, in about half an hour
on two cores. What the model promises is in docs/timing.md; this measures the rest of it.
"""

from __future__ import annotations

import argparse
import os
import random
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from more_hardware_parts.doubled import doubled
from more_hardware_parts.machines import random_machine
from more_hardware_parts.page import page
from rich.progress import track

from accelsim.errors import UserError
from accelsim.hardware import HardwareConfig, load_hwconfig
from accelsim.networks import load_workload
from accelsim.program import Program
from accelsim.timing import simulate

ROOT = Path(__file__).parents[1]
SHIPPED_MACHINES = ("int8_range_bn", "fp32", "bf16", "tpu_v4i", "gemmini", "nvdla_full")
SHIPPED_NETWORKS = ("digits_cnn", "digits_vit", "fashion_mnist_cnn", "fashion_mnist_mlp", "cifar10_resnet20")
SMALL = "digits_cnn"


@dataclass(frozen=True)
class Case:
    """A network on a machine: ``seed`` of a random one, or the name of a shipped one; one operation after another."""

    machine: int | str
    network: str
    serial: bool = False


@dataclass(frozen=True)
class Outcome:
    """``cycles`` of a step with twice of ``more``, and ``before``."""

    case: Case
    more: str
    before: int
    cycles: int

    @property
    def ratio(self) -> float:
        return self.cycles / self.before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, help="random ones; default: 150, or 15 with --serial")
    parser.add_argument("--serial", action="store_true", help="one operation after another, on a page of its own")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    serial = arguments.serial
    machines = arguments.machines or (15 if serial else 150)
    out = arguments.out or ROOT / "reports" / "timing" / f"more_hardware{'_serial' if serial else ''}.md"
    shipped = [(machine, network) for machine in SHIPPED_MACHINES for network in SHIPPED_NETWORKS]
    tables = {
        f"{machines} random machines": [Case(seed, SMALL, serial) for seed in range(machines)],
        "Shipped machines": [Case(*case, serial) for case in shipped],
    }
    found = {}
    with ProcessPoolExecutor(arguments.jobs) as pool:
        for title, cases in tables.items():
            rows: dict[str, list[Outcome]] = defaultdict(list)
            for outcomes in track(pool.map(outcomes_of, cases), title, total=len(cases)):
                for outcome in outcomes:
                    rows[outcome.more].append(outcome)
            found[title] = rows
    out.write_text(page(found, serial=serial), encoding="utf-8")


def outcomes_of(case: Case) -> list[Outcome]:
    """Everything that can be doubled in turn; nothing, where the machine can't run the network at all."""
    hw = machine_of(case)
    program = program_of(case, hw)
    try:
        before = simulate(program, hw).total_cycles
        return [Outcome(case, more, before, cycles) for more, cycles in doublings(program, hw)]
    except UserError:
        return []


def machine_of(case: Case) -> HardwareConfig:
    if isinstance(case.machine, str):
        hw = load_hwconfig(ROOT / "hwconfigs" / f"{case.machine}.yaml")
    else:
        hw = random_machine(random.Random(case.machine), load_hwconfig(ROOT / "hwconfigs" / "int8_range_bn.yaml"))
    return hw.model_copy(update={"operation_overlap": "serial"}) if case.serial else hw


def program_of(case: Case, hw: HardwareConfig) -> Program:
    return load_workload(ROOT / "workloads" / f"{case.network}.yaml").trace(hw.recipe()).program


def doublings(program: Program, hw: HardwareConfig) -> Iterator[tuple[str, int]]:
    for more, after in doubled(hw):
        yield more, simulate(program, after).total_cycles


if __name__ == "__main__":
    main()
