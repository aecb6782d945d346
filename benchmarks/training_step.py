"""Time of a ResNet-20 training step (batch 128, 32 x 32), as ratios against PyTorch in the same run.

Run ``make bench``. Systems take turns, so that a busy machine slows all of them; medians are shown.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch_peers import Fake, Float, stepper

from accelsim.datapath import Datapath, choose_kernels
from accelsim.hardware import load_hwconfig
from accelsim.networks import load_workload
from accelsim.training import initial_state

ROOT = Path(__file__).parents[1]
FAKE, OURS = "PyTorch fake-quantised (same scheme)", "accelsim int8, compiled"


def accelsim_step(backend: str, hwconfig: str = "int8_range_bn") -> Callable[[], None]:
    """One training step on the datapath."""
    hw = load_hwconfig(ROOT / "hwconfigs" / f"{hwconfig}.yaml")
    workload = load_workload(ROOT / "workloads" / "cifar10_resnet20.yaml")
    network, batch = workload.build(), workload.batch_size
    parameters = network.trace(hw.recipe(), workload.optimizer, batch).parameters
    machine = Datapath(hw.recipe(), initial_state(parameters, 1), seed=1, kernels=choose_kernels(backend))
    rng = np.random.default_rng(0)
    images = rng.normal(size=(batch, *network.input_shape)).astype(np.float32)
    labels = rng.integers(0, 10, batch).astype(np.uint16)

    def step() -> None:
        machine.begin_step(0, training=True, learning_rate=0.01)
        network.train_step(machine, workload.optimizer, images, labels, batch)

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=3, help="timed steps of each turn, after one that is not")
    parser.add_argument("--slow", action="store_true", help="also the NumPy backend")
    arguments = parser.parse_args()
    systems = {
        "PyTorch float32, channels first": stepper(Float, 128, torch.contiguous_format),
        "PyTorch float32, channels last": stepper(Float, 128, torch.channels_last),
        FAKE: stepper(Fake, 128, torch.contiguous_format),
        OURS: accelsim_step("compiled"),
    }
    if arguments.slow:
        systems["accelsim int8, NumPy"] = accelsim_step("numpy")
    times: dict[str, list[float]] = {name: [] for name in systems}
    for step in systems.values():
        step()  # compiles, allocates
    gc.collect()
    gc.freeze()  # what stays alive is not searched again in every step
    for _ in range(arguments.rounds):
        for name, step in systems.items():
            step()  # caches are cold, and threads of the system before may still spin
            for _ in range(arguments.steps):
                start = time.perf_counter()
                step()
                times[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(found) for name, found in times.items()}
    best = min(medians[name] for name in medians if "float32" in name)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {arguments.rounds} rounds, medians")
    print(f"{'system':<38}{'ms/step':>9}{'images/s':>10}{'speed against the faster PyTorch float32':>42}")
    for name, seconds in medians.items():
        print(f"{name:<38}{seconds * 1e3:>9.1f}{128 / seconds:>10.0f}{best / seconds:>41.2f}x")
    print(f"{medians[FAKE] / medians[OURS]:.2f} times as fast as the fake-quantised step")


if __name__ == "__main__":
    main()
