"""Nanoseconds an element of the quantise unit's kernels, against the memory bandwidth of a copy in the same run.

Run ``make bench``. Kernels take turns, so that a busy machine slows all of them; the fastest of the rounds is shown.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from accelsim.datapath.kernels import RandomStream
from accelsim.datapath.kernels.compiled import CompiledKernels
from accelsim.datapath.kernels.compiled.jit import compiled
from accelsim.formats import FixedPointMultiplier

STREAM = RandomStream(seed=1, step=2, tensor=3, bits=16)
COPY = "copy of int32"


@compiled
def copy(x: Any, out: Any) -> None:
    for i in range(x.size):
        out[i] = x[i]


def cases(kernels: CompiledKernels, elements: int) -> dict[str, tuple[int, Callable[[], Any]]]:
    """Bytes read and written for each element, and the call."""
    rng = np.random.default_rng(0)
    wide = rng.integers(-(2**24), 2**24, (elements // 16, 16)).astype(np.int32)
    real, narrow, out = wide.astype(np.float32), wide.astype(np.int8), np.empty_like(wide)
    down = FixedPointMultiplier.from_real(2.0**-17.3)
    source, target = wide.reshape(-1), out.reshape(-1)

    def stream() -> None:
        kernels.workers.spread(elements, 1, lambda start, stop: copy(source[start:stop], target[start:stop]))

    return {
        COPY: (8, stream),
        "range of int32": (4, lambda: kernels.largest_magnitude(wide)),
        "range per channel of int8": (1, lambda: kernels.range_sum(narrow, 1)),
        "quantise float32 to int8": (5, lambda: kernels.quantise(real, 2.0**17, -127, 127, "int8")),
        "quantise, stochastic": (5, lambda: kernels.quantise_stochastic(real, 2.0**17, STREAM, -127, 127, "int8")),
        "requantise int32 to int8": (5, lambda: np.asarray(kernels.requantise(wide, down, -127, 127, "int8"))),
        "requantise, stochastic": (5, lambda: kernels.requantise_stochastic(wide, down, STREAM, -127, 127, "int8")),
        "requantise int32 to int16": (6, lambda: np.asarray(kernels.requantise(wide, down, -32767, 32767, "int16"))),
        "add two int32": (12, lambda: np.asarray(kernels.add(wide, wide, down, down))),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    kernels = CompiledKernels(arguments.threads)
    for label, elements in (("one layer, in the last-level cache", 1 << 21), ("beyond the caches", 1 << 25)):
        found = cases(kernels, elements)
        best = dict.fromkeys(found, float("inf"))
        for _ in range(arguments.rounds + 1):
            for name, (_, run) in found.items():
                start = time.perf_counter()
                run()
                best[name] = min(best[name], time.perf_counter() - start)
        copied = found[COPY][0] / best[COPY]
        print(f"{elements} elements ({label}), {kernels.workers.threads} threads")
        print(f"{'kernel':<30}{'ns/element':>12}{'GB/s':>8}{'of the copy':>13}")
        for name, (moved, _) in found.items():
            rate = moved / best[name]
            print(f"{name:<30}{best[name] / elements * 1e9:>12.3f}{rate * elements / 1e9:>8.1f}{rate / copied:>12.0%}")


if __name__ == "__main__":
    main()
