"""The CUDA C sources: which file has which kernel, and for which types it is compiled.

A file names its types in capitals (X, Y, OUT, SUM) and may have constants; both are put in front of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

FOLDER = Path(__file__).parent / "cuda"
OPTIONS = ("--std=c++17", "--fmad=false")
"""No fused multiply-add: a product is rounded before it is added, as on a CPU."""
TYPES = {
    "int8": "i8",
    "int16": "i16",
    "int32": "i32",
    "int64": "i64",
    "float32": "f32",
    "float64": "f64",
}
"""Names in CUDA C of NumPy's types."""
INTEGERS = ("int8", "int16", "int32", "int64")
CODES = ("int8", "int16", "int32")
FLOATS = ("float32", "float64")
Parameters = tuple[tuple[str, str | int], ...]
"""Names in a source with what stands for them: a type by NumPy's name, or a number."""


@dataclass(frozen=True)
class Kernel:
    """File of a kernel, what each parameter of the file may stand for, and the header that it needs beside common.h."""

    file: str
    choices: tuple[tuple[str, tuple[str | int, ...]], ...] = ()
    header: str = "philox.h"

    def variants(self) -> Iterator[Parameters]:
        """Every combination, which is what may ever be compiled."""
        names = [name for name, _ in self.choices]
        for values in product(*(values for _, values in self.choices)):
            yield tuple(zip(names, values, strict=True))


def _kernel(file: str, header: str = "philox.h", **choices: tuple[str | int, ...]) -> Kernel:
    return Kernel(file, tuple(choices.items()), header)


_REQUANTISE = _kernel("requantise.cu", X=INTEGERS, OUT=CODES)
_QUANTISE = _kernel("quantise.cu", X=FLOATS, OUT=CODES)
_SUMS = _kernel("channel_sums.cu", X=CODES, Y=CODES)
_BACKWARD = _kernel("norm_backward.cu", X=CODES, Y=CODES)
_RELU = _kernel("relu.cu", X=CODES, Y=CODES)
_RANGE = _kernel("channel_range.cu", X=CODES)
_QUOTIENTS = _kernel("quotients.cu", X=("int32", "int64"))
_LARGEST = _kernel("largest_magnitude.cu", X=INTEGERS)
_POOL = _kernel("pool.cu", X=(*CODES, "float32"), SUM=("int64", "float64"))
KERNELS: dict[str, Kernel] = {
    "requantise": _REQUANTISE,
    "requantise_once": _REQUANTISE,
    "requantise_stochastic": _REQUANTISE,
    "rescale": _kernel("rescale.cu", X=INTEGERS, OUT=("int32", "int64")),
    "floats": _kernel("floats.cu", X=(*INTEGERS, *FLOATS)),
    "momentum_step": _kernel("momentum_step.cu"),
    "multiply_add": _kernel("multiply_add.cu"),
    "quantise": _QUANTISE,
    "quantise_stochastic": _QUANTISE,
    "random_codes": _kernel("random_codes.cu"),
    "wrap": _kernel("wrap.cu", X=("int32", "int64", *FLOATS), OUT=INTEGERS),
    "add": _kernel("add.cu", X=CODES, Y=CODES),
    "relu": _RELU,
    "relu_backward": _RELU,
    "largest_magnitude": _LARGEST,
    "largest_bits": _LARGEST,
    "channel_sum": _SUMS,
    "gradient_sums": _SUMS,
    "absolute_deviation": _SUMS,
    "channel_range": _RANGE,
    "channel_ends": _RANGE,
    "quotients": _QUOTIENTS,
    "spread_share": _QUOTIENTS,
    "moved": _kernel("moved.cu", X=("int32", "int64", "float32")),
    "normalise": _kernel("normalise.cu", X=CODES),
    "range_norm_backward": _BACKWARD,
    "batch_norm_backward": _BACKWARD,
    "l1_norm_backward": _BACKWARD,
    "max_pool2d": _POOL,
    "average_pool2d": _POOL,
    "pool2d_backward": _POOL,
    "scatter_rows": _kernel("scatter_rows.cu", X=(*CODES, "float32"), SUM=("int64", "float64")),
    "convolve": _kernel("convolve.cu", M_EACH=(4,), N_EACH=(1, 2, 4)),
    "convolve_mma": _kernel("convolve_mma.cu", "mma.h", TILE_N=(16, 32, 64, 128), WORDS=(1, 4)),
    "weight_gradient": _kernel("weight_gradient.cu"),
    "weight_gradient_mma": _kernel("weight_gradient_mma.cu", "mma.h", TILE_M=(16, 32, 64)),
}


def source_of(name: str, parameters: Parameters) -> str:
    """CUDA C of the file that has kernel ``name``, with what all files share in front."""
    named = "".join(
        f"#define {key} {value}\n" if isinstance(value, int) else f"typedef {TYPES[value]} {key};\n"
        for key, value in parameters
    )
    kernel = KERNELS[name]
    return _numbered("common.h") + named + _numbered(kernel.header) + _numbered(kernel.file)


def _numbered(file: str) -> str:
    """A file whose lines compilers call by their own name and number."""
    return f'#line 1 "{file}"\n{(FOLDER / file).read_text(encoding="utf-8")}\n'
