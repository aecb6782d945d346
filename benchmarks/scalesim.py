"""Time of a timing simulation: ResNet-18 against SCALE-Sim in the same run, and a training step of ResNet-50.

Run ``make bench-scalesim``. SCALE-Sim 3.0.0 gets an environment of its own, with the last NumPy that it runs on; its
ResNet-18 takes about three minutes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

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


def timed(rounds: int, run: Callable[[], Any]) -> tuple[float, float, Any]:
    """Seconds of the first call, median of all, and the last result."""
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        result = run()
        seconds.append(time.perf_counter() - start)
    return seconds[0], statistics.median(seconds), result


def child(*command: object) -> dict[str, Any]:
    """What a process prints last, as JSON."""
    done = subprocess.run([*map(str, command)], check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def peer(folder: Path) -> dict[str, Any]:
    """Seconds, peak memory and cycles of each layer in SCALE-Sim, installed under ``folder``."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *PACKAGES], check=True)
    # -P: this file has the name of the package that the other one imports.
    return child(python, "-P", ROOT / "benchmarks" / "scalesim_peer.py", CFG, TOPOLOGY)


def imported_machine() -> HardwareConfig:
    """The machine of SCALE-Sim's scale.cfg: 32 x 32, weight stationary, 64 kB buffers, no stalls."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "hw.yaml"
        path.write_text(import_scalesim_config(CFG), encoding="utf-8")
        return load_hwconfig(path)


def against_scalesim(folder: Path, rounds: int) -> None:
    """Both tools on ResNet-18: one image, 32 x 32 array, weight stationary."""
    hw = imported_machine()

    def run() -> Timeline:
        return simulate(read_topology(TOPOLOGY).trace(hw.recipe()).program, hw)

    first, median, timeline = timed(rounds, run)
    theirs = peer(folder)
    ours = [timing.compute_cycles for timing in timeline.operations]
    same = sum(a == b + 1 for a, b in zip(ours, theirs["cycles"], strict=True))
    print(f"ResNet-18, one image, 32 x 32, weight stationary: {len(ours)} layers, {sum(ours)} cycles")
    print(f"{'SCALE-Sim 3.0.0, layers alone, no traces':<44}{theirs['seconds']:>12.2f} s")
    for name, seconds in (("first call", first), ("median", median)):
        print(f"{f'accelsim, file to cycles, {name}':<44}{seconds:>12.4f} s{theirs['seconds'] / seconds:>10.0f}x")
    print(f"layers with the same compute cycles: {same} of {len(ours)} (SCALE-Sim reports one less: the last index)")


def resnet50_step(rounds: int) -> dict[str, Any]:
    """Seconds and peak memory of this process for one training step."""
    hw = load_hwconfig(HWCONFIG)
    workload = load_workload(WORKLOAD).model_copy(update={"batch_size": BATCH})
    trace_first, trace, traced = timed(rounds, lambda: workload.trace(hw.recipe()))
    first, median, timeline = timed(rounds, lambda: simulate(traced.program, hw))
    peak = peak_kib()
    events, _, stepped = timed(1, lambda: simulate(traced.program, hw, skip=False))
    return {
        "operations": len(traced.program.operations),
        "total_cycles": timeline.total_cycles,
        "trace": [trace_first, trace],
        "simulate": [first, median],
        "peak_kib": peak,
        "events": events,
        "same": stepped.operations == timeline.operations,
    }


def peak_kib() -> int:
    """Most memory that this process had (Linux)."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scalesim", type=Path, default=ROOT / "runs" / "scalesim", help="SCALE-Sim's environment")
    parser.add_argument("--step", action="store_true", help="ResNet-50 alone, as JSON")
    arguments = parser.parse_args()
    if arguments.step:
        print(json.dumps(resnet50_step(arguments.rounds)))
        return
    step = child(sys.executable, __file__, "--step", "--rounds", arguments.rounds)
    print(f"ResNet-50, 224 x 224, batch {BATCH}, one training step on int8_range_bn: {step['operations']} operations")
    for name in ("trace", "simulate"):
        print(f"{f'{name}, first call and median':<44}{step[name][0]:>12.3f} s{step[name][1]:>10.3f} s")
    print(f"{'peak memory of the process':<44}{step['peak_kib'] / 1024:>12.0f} MiB")
    steps = f"{step['events']:>12.1f} s{step['events'] / step['simulate'][1]:>10.0f}x"
    print(f"{'simulate, every tile an event (skip=False)':<44}{steps} the median; same timeline: {step['same']}")
    against_scalesim(arguments.scalesim, arguments.rounds)


if __name__ == "__main__":
    main()
