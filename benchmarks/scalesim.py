"""Time of a timing simulation: a training step of ResNet-50, and ResNet-18 beside SCALE-Sim in the same run.

Run ``make bench-scalesim``; it writes reports/timing/README.md. SCALE-Sim 3.0.0 gets an environment of its own, with
the last NumPy that it runs on; its ResNet-18 takes minutes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

from timing_parts.clock import Seconds, child, command, machine, peak_kib, timed
from timing_parts.page import Measured, page

from accelsim.hardware import HardwareConfig, load_hwconfig
from accelsim.networks import load_workload
from accelsim.networks.importers.scalesim_config import import_scalesim_config
from accelsim.networks.importers.scalesim_topology import read_topology
from accelsim.timing import Timeline, simulate

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "tests" / "golden" / "scalesim" / "shipped"
CFG, TOPOLOGY = SHIPPED / "scale.cfg", SHIPPED / "Resnet18.csv"
HWCONFIG, WORKLOAD = ROOT / "hwconfigs" / "int8_range_bn.yaml", ROOT / "workloads" / "imagenet_resnet50.yaml"
PACKAGES = ("scalesim==3.0.0", "numpy==2.2.6")
BATCH = 64


def peer(folder: Path) -> dict[str, Any]:
    """Seconds and cycles of each layer in SCALE-Sim, installed under ``folder``."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *PACKAGES], check=True)
    # -P: this file has the name of the package that the other one imports.
    return child(python, "-P", ROOT / "benchmarks" / "scalesim_peer.py", CFG, TOPOLOGY)


def imported_machine(folder: Path) -> Path:
    """A hwconfig of SCALE-Sim's scale.cfg: 32 x 32, weight stationary, 64 kB buffers, no stalls."""
    path = folder / "hw.yaml"
    path.write_text(import_scalesim_config(CFG), encoding="utf-8")
    return path


def file_to_cycles(rounds: int, hw: HardwareConfig) -> tuple[Seconds, list[int]]:
    """ResNet-18 in this process: one image, 32 x 32 array, weight stationary."""

    def run() -> Timeline:
        return simulate(read_topology(TOPOLOGY).trace(hw.recipe()).program, hw)

    seconds, timeline = timed(rounds, run)
    return seconds, [timing.compute_cycles for timing in timeline.operations]


def resnet50_step(rounds: int) -> dict[str, Any]:
    """Seconds and peak memory of this process for one training step."""
    hw = load_hwconfig(HWCONFIG)
    workload = load_workload(WORKLOAD).model_copy(update={"batch_size": BATCH})
    trace, traced = timed(rounds, lambda: workload.trace(hw.recipe()))
    simulated, timeline = timed(rounds, lambda: simulate(traced.program, hw))
    peak = peak_kib()
    events, stepped = timed(1, lambda: simulate(traced.program, hw, skip=False))
    return {
        "operations": len(traced.program.operations),
        "trace": trace,
        "simulate": simulated,
        "peak_kib": peak,
        "events": events.first,
        "same": stepped.operations == timeline.operations,
    }


def measured(rounds: int, scalesim: Path) -> Measured:
    """All figures of the page; this process simulates nothing before its own first call."""
    description = machine()
    step = child(sys.executable, __file__, "--step", "--rounds", rounds)
    step_command = command(rounds, HWCONFIG, WORKLOAD, "--set", f"batch={BATCH}")
    with tempfile.TemporaryDirectory() as scratch:
        path = imported_machine(Path(scratch))
        seconds, cycles = file_to_cycles(rounds, load_hwconfig(path))
        whole = command(rounds, path, TOPOLOGY)
    return Measured(description, BATCH, rounds, step, step_command, peer(scalesim), seconds, whole, cycles)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scalesim", type=Path, default=ROOT / "runs" / "scalesim", help="SCALE-Sim's environment")
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "timing")
    parser.add_argument("--step", action="store_true", help="ResNet-50 alone, as JSON")
    arguments = parser.parse_args()
    if arguments.step:
        print(json.dumps(resnet50_step(arguments.rounds)))
        return
    text = page(measured(arguments.rounds, arguments.scalesim))
    print(text)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "README.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
