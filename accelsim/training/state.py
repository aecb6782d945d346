"""Initial values of everything that outlives a step, and the order of the images."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.formats import FP32, FloatFormat, Format, IntegerFormat, Recipe
from accelsim.formats.float_codes import round_to_float
from accelsim.machine import Parameter

State = dict[str, NDArray[np.float32]]


def initial_state(
    parameters: Mapping[str, Parameter],
    seed: int,
    recipe: Recipe | None = None,
    given: Mapping[str, NDArray[np.float32]] | None = None,
) -> State:
    """Draw every parameter that is not ``given`` from a stream of its own, so that no other layer changes its values.

    Values are fp32, rounded to the float format that ``recipe`` keeps them in; integers take on their fixed point where
    the datapath first reads them.
    """
    known = given or {}
    drawn = {name: known[name] if name in known else _drawn(parameter, seed) for name, parameter in parameters.items()}
    if recipe is None:
        return drawn
    return {name: held(value, recipe[parameters[name].role].format) for name, value in drawn.items()}


def state_types(format_: Format) -> tuple[np.dtype[Any], ...]:
    """Types that a persistent tensor in ``format_`` may have: fp32, or its codes once the datapath has read it."""
    types = [np.dtype(np.float32)]
    if isinstance(format_, IntegerFormat) and format_.storage != types[0]:
        types.append(np.dtype(format_.storage))
    return tuple(types)


@lru_cache(maxsize=2)
def image_order(seed: int, epoch: int, images: int) -> NDArray[np.int64]:
    """A permutation of the training images: a pure function of seed and epoch."""
    return _generator(seed, 1, epoch).permutation(images)


def held(value: NDArray[np.float32], format_: Format) -> NDArray[np.float32]:
    """``value`` rounded to the float format that keeps it; integers are the datapath's business."""
    if isinstance(format_, FloatFormat) and format_.bits < FP32.bits:
        rounded: NDArray[np.float32] = round_to_float(np, value, format_)
        return rounded
    return value


def _drawn(parameter: Parameter, seed: int) -> NDArray[np.float32]:
    if not parameter.std:
        return np.full(parameter.shape, parameter.fill, dtype=np.float32)
    generator = _generator(seed, 0, zlib.crc32(parameter.name.encode()))
    return (generator.standard_normal(parameter.shape) * parameter.std + parameter.fill).astype(np.float32)


def _generator(*entropy: Any) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))
