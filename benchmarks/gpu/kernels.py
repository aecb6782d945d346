"""Time of single kernels of the GPU backend on large arrays: GB/s of what they must read and write, or TOP/s.

A kernel is called over and over between two waits for the device; the fastest of some rounds is shown.
"""

from __future__ import annotations

import argparse
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from accelsim.datapath import Kernels, NumpyKernels
from accelsim.datapath.kernels import Carrier, RandomStream
from accelsim.datapath.kernels.gpu import cupy_kernels
from accelsim.formats import FixedPointMultiplier, integer

BYTES, WIDE = Carrier.of(integer(8), integer(8)), Carrier.of(integer(8), integer(16))
STREAM, BY = RandomStream(3, 5, 77, 16), FixedPointMultiplier.from_real(2.0**-20.3)
CHANNELS = 64
SHAPES = {
    "3x3, 16 to 16, 32x32": ((32, 32), 16, 16, 3, 1, 1),
    "3x3, 64 to 64, 8x8": ((8, 8), 64, 64, 3, 1, 1),
    "7x7 by 2, 3 to 64, 224x224": ((224, 224), 3, 64, 7, 2, 3),
    "3x3, 64 to 64, 56x56": ((56, 56), 64, 64, 3, 1, 1),
    "3x3 by 2, 128 to 256, 28x28": ((28, 28), 128, 256, 3, 2, 1),
    "1x1, 256 to 64, 56x56": ((56, 56), 256, 64, 1, 1, 0),
}
"""Image, channels in and out, kernel, stride, padding."""


class Case(NamedTuple):
    """A call, and how many of ``unit`` (bytes or operations) it stands for."""

    name: str
    call: Callable[[], Any]
    amount: float
    unit: str


def passes(k: Kernels, rows: int) -> Iterator[Case]:
    """Kernels bound by memory, on (rows, CHANNELS)."""
    xp, n = k.xp, rows * CHANNELS
    rng = np.random.default_rng(0)
    x8 = xp.asarray(rng.integers(-128, 128, (rows, CHANNELS)).astype(np.int8))
    g16, x32 = x8.astype("int16") * 255, x8.astype("int32") * 65537
    real, by = x32.astype("float32"), FixedPointMultiplier.from_real(np.linspace(-1, 0.5, CHANNELS))
    centre, offset = k.mean(x8, 8), np.zeros(CHANNELS, dtype=np.int64)
    numbers = [np.float32(x) for x in (0.9, 1e-4, 0.1)]

    def peaks() -> Any:
        k.forget()
        return k.largest_magnitudes(x32)

    calls: list[tuple[str, Callable[[], Any], int]] = [
        ("copy by the array library", x32.copy, 8),
        ("requantise", lambda: k.requantise(x32, BY, -127, 127, "int8"), 5),
        ("requantise_stochastic", lambda: k.requantise_stochastic(x32, BY, STREAM, -127, 127, "int8"), 5),
        ("quantise", lambda: k.quantise(real, 0.7, -127, 127, "int8"), 5),
        ("quantise_stochastic", lambda: k.quantise_stochastic(real, 0.7, STREAM, -127, 127, "int8"), 5),
        ("floats", lambda: k.floats(x32, 0.3, "float32"), 8),
        ("add", lambda: k.add(x8, x8, BY, BY), 6),
        ("relu", lambda: k.relu(x8), 2),
        ("relu_backward", lambda: k.relu_backward(g16, x8), 5),
        ("largest_magnitude, fetched", peaks, 4),
        ("channel_sum", lambda: k.channel_sum(g16), 2),
        ("gradient_sums", lambda: k.gradient_sums(g16, x8), 3),
        ("range_sum", lambda: k.range_sum(x8, 4), 1),
        ("normalise", lambda: k.normalise(x8, centre, by, offset, 8), 5),
        ("momentum_step", lambda: k.momentum_step(real, real, real, *numbers), 20),
    ]
    for name, call, each in calls:
        yield Case(name, call, each * n, "GB/s")


def products(k: Kernels, batch: int) -> Iterator[Case]:
    """Products of bytes, and of bytes by words."""
    xp, rng = k.xp, np.random.default_rng(0)
    for name, (size, channels, outputs, kernel, stride, padding) in SHAPES.items():
        x = xp.asarray(rng.integers(-128, 128, (batch, *size, channels)).astype(np.int8))
        w = xp.asarray(rng.integers(-128, 128, (outputs, kernel, kernel, channels)).astype(np.int8))
        out = [(side + 2 * padding - kernel) // stride + 1 for side in size]
        g = xp.asarray(rng.integers(-128, 128, (batch, *out, outputs)).astype(np.int8))
        wide, way, taps = g.astype("int16") * 255, ((stride, stride), (padding, padding)), (kernel, kernel)
        work = 2.0 * batch * out[0] * out[1] * outputs * kernel * kernel * channels
        for part, call in (
            ("forward", lambda x=x, w=w, way=way: k.conv2d(x, w, *way, BYTES)),
            ("data", lambda x=x, w=w, g=g, way=way: k.conv2d_backward_data(g, w, *way, x.shape, BYTES)),
            ("weights", lambda x=x, g=wide, t=taps, way=way: k.conv2d_backward_weights(x, g, t, *way, WIDE)),
        ):
            yield Case(f"{name}: {part}", call, work, "TOP/s")
    a, b = (xp.asarray(rng.integers(-128, 128, (32 * batch,) * 2).astype(np.int8)) for _ in range(2))
    yield Case(f"matrices of {32 * batch}", lambda: k.matmul(a, b, BYTES), 2.0 * (32 * batch) ** 3, "TOP/s")


def fastest(call: Callable[[], Any], wait: Callable[[], None], repeats: int) -> float:
    """Seconds of one call."""
    call()
    found = []
    for _ in range(3):
        wait()
        start = time.perf_counter()
        for _ in range(repeats):
            call()
        wait()
        found.append((time.perf_counter() - start) / repeats)
    return min(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=["gpu", "cpu"], default="gpu", help="cpu only tries the script")
    parser.add_argument("--rows", type=int, default=1 << 22, help=f"of {CHANNELS} channels")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=10)
    a = parser.parse_args()
    on_gpu = a.device == "gpu"
    kernels = cupy_kernels.CupyKernels() if on_gpu else NumpyKernels()
    wait = kernels.xp.cuda.Device().synchronize if on_gpu else lambda: None
    device = cupy_kernels.device_name() if on_gpu else "CPU: a trial of the script"
    print(f"{device}; {a.rows} x {CHANNELS}, batch {a.batch}")
    for cases in (passes(kernels, a.rows), products(kernels, a.batch)):
        try:
            for case in cases:
                seconds = fastest(case.call, wait, a.repeats)
                rate = case.amount / seconds / (1e9 if case.unit == "GB/s" else 1e12)
                print(f"{case.name:<42}{seconds * 1e3:>10.3f} ms{rate:>10.2f} {case.unit}")
        except Exception:
            traceback.print_exc()


if __name__ == "__main__":
    main()
