"""The self-check of the GPU backend, one check after another: what differs, where, and what breaks."""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from typing import Any

import numpy as np

from accelsim.datapath import Kernels, NumpyKernels
from accelsim.datapath.kernels.gpu import cupy_kernels, self_check


def outcome(kernels: Kernels, name: str) -> str:
    """``same``, or which results of a check differ from NumPy's, and where first."""
    texts = []
    for at, (found, expected) in enumerate(self_check.found_and_expected(kernels, self_check.CHECKS[name])):
        if not np.array_equal(found, expected):
            texts.append(f"result {at}: {difference(found, expected)}")
    return "; ".join(texts) or "same"


def difference(found: Any, expected: Any) -> str:
    if found.shape != expected.shape:
        return f"shape {found.shape} for {expected.shape}"
    places = np.argwhere(found != expected)
    first = tuple(int(place) for place in places[0])
    return f"{len(places)} of {found.size} differ, first at {first}: {found[first]} for {expected[first]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=["gpu", "cpu"], default="gpu", help="cpu only tries the script")
    arguments = parser.parse_args()
    kernels = cupy_kernels.CupyKernels() if arguments.device == "gpu" else NumpyKernels()
    wrong = 0
    for name in self_check.CHECKS:
        start = time.perf_counter()
        try:
            text = outcome(kernels, name)
        except Exception:
            text = traceback.format_exc()
        wrong += text != "same"
        print(f"{name:<20}{time.perf_counter() - start:>8.2f} s  {text}")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
