"""Steps of training on a GPU and on the CPU beside each other: the first step and tensor whose bits differ, if any."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from accelsim.datapath import Datapath, Kernels, choose_kernels
from accelsim.datapath.arrays import on_host
from accelsim.hardware import load_hwconfig
from accelsim.networks import Network, Workload, load_workload
from accelsim.training import initial_state

ROOT = Path(__file__).parents[2]
NETWORKS = ("digits_cnn", "cifar10_resnet20")


def machine(kernels: Kernels, recipe: Any, network: Network, workload: Workload, batch: int) -> Datapath:
    parameters = network.trace(recipe, workload.optimizer, batch).parameters
    return Datapath(recipe, initial_state(parameters, 3, recipe), seed=9, kernels=kernels)


def unequal(one: Datapath, other: Datapath) -> list[str]:
    """Names of the tensors that are kept whose bits differ."""
    pairs = {name: (on_host(x), on_host(other.context.state[name])) for name, x in one.context.state.items()}
    names = [name for name, (x, y) in pairs.items() if x.tobytes() != y.tobytes()]
    return names + ["scales"] * (one.context.scales != other.context.scales)


def compare(name: str, hwconfig: str, steps: int, batch: int, device: str) -> bool:
    """Whether all ``steps`` of network ``name`` are equal; says so as they go by."""
    recipe = load_hwconfig(ROOT / "hwconfigs" / f"{hwconfig}.yaml").recipe()
    workload = load_workload(ROOT / "workloads" / f"{name}.yaml")
    network, rng = workload.build(), np.random.default_rng(1)
    kernels = choose_kernels(device=device), choose_kernels(device="cpu")
    machines, seconds = [machine(k, recipe, network, workload, batch) for k in kernels], [0.0, 0.0]
    for step in range(steps):
        images = rng.normal(size=(batch, *network.input_shape)).astype(np.float32)
        labels = rng.integers(0, network.classes, batch).astype(np.uint16)
        for which, one in enumerate(machines):
            start = time.perf_counter()
            one.begin_step(step, training=True, learning_rate=0.05)
            network.train_step(one, workload.optimizer, images, labels, batch)
            seconds[which] += time.perf_counter() - start
        names = unequal(*machines)
        if names:
            print(f"{name} on {hwconfig}: step {step} differs in {len(names)} tensors: {', '.join(names[:8])}")
            return False
        if step in (0, steps - 1) or step % 10 == 9:
            print(f"{name} on {hwconfig}: {step + 1} steps equal; seconds so far {seconds[0]:.1f} and {seconds[1]:.1f}")
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS))
    parser.add_argument("--hwconfig", default="int8_range_bn", help="a machine of integers")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--device", choices=["gpu", "cpu"], default="gpu", help="cpu only tries the script")
    a = parser.parse_args()
    equal = [compare(name, a.hwconfig, a.steps, a.batch, a.device) for name in a.networks]
    sys.exit(not all(equal))


if __name__ == "__main__":
    main()
