"""Time of a training step on a GPU: accelsim's int8 machine beside PyTorch eager in fp32, TF32 and bf16 autocast.

Run ``make bench-gpu`` on a computer with an NVIDIA GPU. Systems take turns; medians are shown, with the card's name.
``--device cpu`` only tries the script: its times say nothing about a GPU.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch_networks import NETWORKS, PRECISIONS, stepper

from accelsim.datapath import Datapath, choose_kernels
from accelsim.hardware import load_hwconfig
from accelsim.networks import load_workload
from accelsim.training import initial_state

ROOT = Path(__file__).parents[2]
BATCHES = {"cifar10_resnet20": 128, "imagenet_resnet18": 64, "imagenet_resnet50": 32}


def accelsim_step(name: str, batch: int, device: str) -> Callable[[], None]:
    """One training step on the datapath."""
    recipe = load_hwconfig(ROOT / "hwconfigs" / "int8_range_bn.yaml").recipe()
    workload = load_workload(ROOT / "workloads" / f"{name}.yaml")
    network = workload.build()
    parameters = network.trace(recipe, workload.optimizer, batch).parameters
    kernels = choose_kernels(device=device)
    machine = Datapath(recipe, initial_state(parameters, 1, recipe), seed=1, kernels=kernels)
    random = np.random.default_rng(0)
    images = random.normal(size=(batch, *network.input_shape)).astype(np.float32)
    labels = random.integers(0, network.classes, batch).astype(np.uint16)

    def step() -> None:
        machine.begin_step(0, training=True, learning_rate=0.01)
        network.train_step(machine, workload.optimizer, images, labels, batch)

    return step


def waiting(step: Callable[[], None], device: str) -> Callable[[], None]:
    """``step`` and the end of what it left running on the device, whichever library launched it."""

    def whole() -> None:
        step()
        if device == "gpu":
            torch.cuda.synchronize()

    return whole


def measured(systems: dict[str, Callable[[], None]], rounds: int, steps: int) -> dict[str, float]:
    """Median seconds of a step."""
    times: dict[str, list[float]] = {name: [] for name in systems}
    for _ in range(rounds):
        for name, step in systems.items():
            step()
            for _ in range(steps):
                start = time.perf_counter()
                step()
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(found) for name, found in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--batch", type=int, help="instead of each network's own")
    parser.add_argument("--device", choices=["gpu", "cpu"], default="gpu")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10, help="timed steps of each turn, after one that is not")
    arguments = parser.parse_args()
    torch_device = "cuda" if arguments.device == "gpu" else "cpu"
    card = torch.cuda.get_device_name() if arguments.device == "gpu" else "CPU: a trial of the script"
    print(f"{card}; torch {torch.__version__}; {arguments.rounds} rounds of {arguments.steps} steps, medians")
    for name in arguments.networks:
        batch = arguments.batch or BATCHES[name]
        systems = {f"PyTorch {kind}": stepper(name, batch, kind, torch_device) for kind in PRECISIONS}
        systems["accelsim int8"] = accelsim_step(name, batch, arguments.device)
        systems = {system: waiting(step, arguments.device) for system, step in systems.items()}
        medians = measured(systems, arguments.rounds, arguments.steps)
        print(f"\n{name}, batch {batch}\n{'system':<16}{'ms/step':>10}{'images/s':>10}{'time against fp32':>19}")
        for system, seconds in medians.items():
            ratio = seconds / medians["PyTorch fp32"]
            print(f"{system:<16}{seconds * 1e3:>10.1f}{batch / seconds:>10.0f}{ratio:>18.2f}x")


if __name__ == "__main__":
    main()
