"""Whether a GPU computes the bits that it should: small products, roundings and norms beside NumPy's, at the start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from accelsim.datapath.arrays import on_host
from accelsim.datapath.kernels import Carrier, Kernels, NumpyKernels, RandomStream
from accelsim.datapath.kernels.numbers import Numbers
from accelsim.formats import FixedPointMultiplier, integer

BYTES, WIDE = Carrier.of(integer(8), integer(8)), Carrier.of(integer(8), integer(16))
STREAM = RandomStream(3, 2**33 + 5, 77, 16)
Check = Callable[[Kernels, Callable[..., Any]], Any]
"""Results of some kernels, given a function that draws codes: (type, *shape)."""


def _products(k: Kernels, draw: Callable[..., Any]) -> Any:
    a, b, g = draw("int8", 33, 70), draw("int8", 70, 17), draw("int16", 33, 70)
    return k.matmul(a, b, BYTES), k.matmul(g, b, WIDE)


def _blas(k: Kernels, draw: Callable[..., Any]) -> Any:
    """Exact while the library of floats keeps all bits of its factors and sums: not so where it is told to use TF32."""
    a, b = draw("int16", 33, 70), draw("int16", 70, 17)
    small = a >> 4, b >> 10  # 70 terms of 12 by 6 bits: below 2**24
    return k.matmul(*small, Carrier("float32", 1 << 7)), k.matmul(a, b, Carrier("float64", 1 << 20))


def _convolutions(k: Kernels, draw: Callable[..., Any]) -> Any:
    x, w, g = draw("int8", 3, 7, 9, 5), draw("int8", 21, 3, 3, 5), draw("int16", 3, 4, 5, 21)
    shape = (2, 2), (1, 1)
    return (
        k.conv2d(x, w, *shape, BYTES),
        k.conv2d_backward_data(draw("int8", 3, 4, 5, 21), w, *shape, (3, 7, 9, 5), BYTES),
        k.conv2d_backward_weights(x, g, (3, 3), *shape, WIDE),
    )


def _wide_convolutions(k: Kernels, draw: Callable[..., Any]) -> Any:
    """As many pixels and outputs as larger tiles take."""
    x, w, shape = draw("int8", 2, 64, 64, 16), draw("int8", 128, 1, 2, 16), ((1, 1), (0, 0))
    return (
        k.conv2d(x, w, *shape, BYTES),
        k.conv2d_backward_weights(x, draw("int16", 2, 64, 63, 128), (1, 2), *shape, WIDE),
    )


def _roundings(k: Kernels, draw: Callable[..., Any]) -> Any:
    x, by = draw("int32", 40, 7), FixedPointMultiplier.from_real(2.0**-24.3)
    real = x.astype("float32") * 1e-7
    return (
        k.requantise(x, by, -127, 127, "int8"),
        k.requantise_stochastic(x, by, STREAM, -127, 127, "int8"),
        k.quantise(real, 0.7, -127, 127, "int8"),
        k.quantise_stochastic(real, 0.7, STREAM, -127, 127, "int8"),
        np.array(k.largest_magnitudes(x, real)),
        k.floats(x, 0.3, "float32"),
        *k.momentum_step(real, 2 * real, -real, *map(np.float32, (0.9, 1e-4, 0.1))),
        *_least(k),
    )


def _least(k: Kernels) -> tuple[Any, Any, Any]:
    """The smallest floats, which no kernel may turn into zeros."""
    least, numbers = k.xp.asarray(np.array([1e-45, -3e-42, 1.1e-38], dtype="float32")), [np.float32(0.9)] * 3
    return *k.momentum_step(least, least, least, *numbers), k.multiply_add(least, numbers[0], least)


def _norms(k: Kernels, draw: Callable[..., Any]) -> Any:
    x, g, by = draw("int8", 200, 5), draw("int16", 200, 5), FixedPointMultiplier.from_real(np.linspace(-2, 0.4, 5))
    total, extremes = k.range_sum(x, 4)
    words = k.normalise(x, k.mean(x, 8), by, k.on_host(total)[0], 8)
    moved = k.moved(k.xp.asarray(np.ones(5, dtype="float32")), Numbers(total, 0.3), 0.9, inverse=True)
    share = k.spread_share(k.channel_sum(g) << 9, total, None)
    return total, extremes, words, moved, share, k.range_norm_backward(g, k.channel_sum(g), total, extremes, by, 8)


CHECKS: dict[str, Check] = {
    "products": _products,
    "products of BLAS": _blas,
    "convolutions": _convolutions,
    "wide convolutions": _wide_convolutions,
    "roundings": _roundings,
    "norms": _norms,
}


def differing(kernels: Kernels) -> list[str]:
    """Names of the checks whose results are not NumPy's; none on a sound device."""
    return [name for name, check in CHECKS.items() if not _agree(kernels, check)]


def _agree(kernels: Kernels, check: Check) -> bool:
    return all(np.array_equal(one, other) for one, other in found_and_expected(kernels, check))


def found_and_expected(kernels: Kernels, check: Check) -> list[tuple[Any, Any]]:
    """Each result of a check beside NumPy's."""
    found, expected = ([on_host(part) for part in check(k, _drawer(k.xp))] for k in (kernels, NumpyKernels()))
    return list(zip(found, expected, strict=True))


def _drawer(xp: Any) -> Callable[..., Any]:
    """Draws the same codes, extremes among them, for every backend."""
    random = np.random.Generator(np.random.PCG64(11))

    def draw(dtype: str, *shape: int) -> Any:
        limits = np.iinfo(dtype)
        codes = random.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
        return xp.asarray(np.where(random.random(shape) < 0.1, codes.dtype.type(limits.min), codes))

    return draw
