"""All that a GPU can tell of the backend, in order of value: each part in a process of its own, written down at once.

``python benchmarks/gpu/first_run.py OUT`` needs a GPU, its driver, CuPy and the package's own dependencies; PyTorch for
one part, and nothing from the internet. A part that fails or takes too long stops no other. OUT gets PART.txt for each
part, line by line, and summary.txt. ``--parts`` takes some of them, in their own order.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TESTS = ROOT / "tests" / "datapath" / "gpu"
PYTEST = (
    "-m",
    "pytest",
    "-q",
    "-p",
    "no:cacheprovider",
    "-W",
    "default",
    "--tb=short",
    "--maxfail=25",
    "--durations=5",
)
KERNEL_TESTS = ("launch", "rounding", "norm", "products", "tensor_cores", "vector", "strict")
CHECKING = {"KERNELS_ON": "gpu", "CUDA_LAUNCH_BLOCKING": "1"}
"""Tests do without no GPU, and a fault shows at the launch that it's from."""
LAST_LINES = 12


class Part(NamedTuple):
    """Arguments of this Python, or a whole command, and the most seconds that it may take."""

    command: list[str]
    seconds: int
    environment: dict[str, str]


def script(name: str, *arguments: str) -> list[str]:
    return [sys.executable, str(HERE / f"{name}.py"), *arguments]


def sanitised(tool: str) -> list[str]:
    """The self-check under NVIDIA's tool for bad accesses and races."""
    return ["compute-sanitizer", "--tool", tool, "--print-limit", "20", *script("checks")]


def training(workload: str, folder: Path, *more: str) -> list[str]:
    hwconfig, out = ROOT / "hwconfigs" / "int8_range_bn.yaml", folder / "runs" / workload
    files = str(hwconfig), str(ROOT / "workloads" / f"{workload}.yaml")
    return [
        sys.executable,
        "-m",
        "accelsim",
        "simulate",
        *files,
        "--device",
        "gpu",
        "--out",
        str(out),
        "--force",
        *more,
    ]


def parts(folder: Path, data: Path | None) -> dict[str, Part]:
    """By name, the most telling first."""
    tests = [str(TESTS / f"test_gpu_{name}.py") for name in KERNEL_TESTS]
    on_a_gpu = "-m", "gpu and not slow", str(TESTS)
    a_few_steps = script("training_step", "--networks", "cifar10_resnet20", "--rounds", "1", "--steps", "20")
    fashion = () if data is None else ("--data", str(data))
    found = {
        "environment": (script("environment"), 60),
        "checks": (script("checks"), 120),
        "tests": ([sys.executable, *PYTEST, *on_a_gpu, "-k", "not every_layer"], 240),
        "layers": ([sys.executable, *PYTEST, *on_a_gpu, "-k", "every_layer"], 300),
        "kernel_tests": ([sys.executable, *PYTEST, "-m", "not gpu and not slow", *tests], 300),
        "equality": (script("equality"), 300),
        "training": (training("digits_cnn", folder, "--epochs", "3"), 240),
        "kernels": (script("kernels"), 120),
        "steps": (script("training_step"), 300),
        "fashion": (training("fashion_mnist_resnet20", folder, "--epochs", "2", *fashion), 300),
        "profile": ([sys.executable, "-m", "cProfile", "-s", "tottime", *a_few_steps[1:]], 120),
        "memcheck": (sanitised("memcheck"), 180),
        "racecheck": (sanitised("racecheck"), 240),
    }
    checking = dict.fromkeys(("checks", "tests", "layers", "kernel_tests"), CHECKING)
    return {name: Part(*part, checking.get(name, {})) for name, part in found.items()}


def run(part: Part, file: Path, seconds: float) -> str:
    """How a part ended: ``ok``, its exit code, or that it was stopped."""
    if shutil.which(part.command[0]) is None:
        return f"left out: {part.command[0]} is not on the path"
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": paths, **part.environment}
    with file.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            part.command, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT, env=environment, start_new_session=True
        )
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return f"stopped after {seconds:.0f} s"
    return "ok" if code == 0 else f"exit code {code}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder of the results")
    names = list(parts(Path(), None))
    parser.add_argument("--parts", nargs="+", choices=names, default=names)
    parser.add_argument("--seconds", type=float, default=1700.0, help="for all of them")
    parser.add_argument("--data", type=Path, help="folder of Fashion-MNIST's files")
    parser.add_argument("--runs", type=Path, help="folder of whole training runs, instead of OUT/runs")
    a = parser.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + a.seconds
    for name, part in parts((a.runs or a.out).resolve(), a.data).items():
        left = end - time.monotonic()
        if name not in a.parts:
            continue
        start, file = time.monotonic(), a.out / f"{name}.txt"
        how = run(part, file, min(part.seconds, left)) if left > 5 else "left out: no time is left"
        line = f"{name:<14}{time.monotonic() - start:>7.1f} s  {how}"
        with (a.out / "summary.txt").open("a", encoding="utf-8") as summary:
            summary.write(line + "\n")
        last = file.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:] if file.exists() else []
        print("\n".join([f"=== {line}", *last]), flush=True)


if __name__ == "__main__":
    main()
