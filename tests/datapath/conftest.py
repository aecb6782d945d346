"""The three products of a layer on a machine, and the same products as lists of terms in plain Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from accelsim.datapath import Datapath
from accelsim.formats import Role
from accelsim.machine import Tensor, Value, Window

Terms = Callable[[str, np.ndarray, np.ndarray, tuple[int, ...], Window | None], Iterator[tuple[tuple, list]]]


@pytest.fixture(scope="session")
def on_machine() -> Callable[..., Datapath]:
    """A checked datapath of a hwconfig's recipe, with fields of the recipe changed."""

    def make(hw, kernels=None, **changes: Any) -> Datapath:
        machine = Datapath(replace(hw.recipe(), **changes), {}, seed=1, kernels=kernels, check=True)
        machine.begin_step(0, training=True)
        return machine

    return make


@pytest.fixture(scope="session")
def operand() -> Callable[..., Tensor]:
    """Data as a tensor of a machine, under a scale."""

    def make(machine: Datapath, name: str, format_: Any, data: np.ndarray, scale: float = 1.0) -> Tensor:
        tensor = machine.external(name, data.shape, format_, Role.ACTIVATION, data.astype(format_.storage))
        return replace(tensor, value=Value(tensor.data, scale))

    return make


@pytest.fixture(scope="session")
def terms() -> Terms:
    """Each element of a product's output with the pairs (left, right) that the array adds up for it, in order."""
    return _terms


def _terms(opcode, first, second, shape, window) -> Iterator[tuple[tuple, list]]:
    for place in np.ndindex(*shape):
        yield place, [(left.item(), right.item()) for left, right in TERMS[opcode](first, second, place, window)]


def _forward(x, w, place, window):
    *batch, output = place
    if window is None:
        return zip(x[batch[0]], w[output], strict=True)
    taps = ((i, j) for i in range(window.kernel[0]) for j in range(window.kernel[1]))
    pairs = ((_seen(x, batch, tap, window), w[(output, *tap)]) for tap in taps)
    return ((a, b) for left, right in pairs for a, b in zip(left, right, strict=True))


def _backward_weights(x, g, place, window):
    output, *rest = place
    if window is None:
        return zip(g[:, output], x[:, rest[0]], strict=True)
    positions = np.ndindex(*g.shape[:3])
    return ((g[(*at, output)], _seen(x, at, rest[:2], window)[rest[2]]) for at in positions)


def _backward_data(g, w, place, window):
    batch, *position, channel = place
    if window is None:
        return zip(g[batch], w[:, channel], strict=True)
    taps = [(i, j) for i in reversed(range(window.kernel[0])) for j in reversed(range(window.kernel[1]))]
    found = []
    for tap in taps:
        sums = [p + pad - t for p, pad, t in zip(position, window.padding, tap, strict=True)]
        if any(total % stride for total, stride in zip(sums, window.stride, strict=True)):
            continue
        at = [total // stride for total, stride in zip(sums, window.stride, strict=True)]
        inside = all(0 <= a < size for a, size in zip(at, g.shape[1:3], strict=True))
        row = g[(batch, *at)] if inside else np.zeros_like(g[0, 0, 0])
        found += zip(row, w[(slice(None), *tap, channel)], strict=True)
    return found


def _seen(x, at, tap, window):
    """What a tap of the window sees from an output position: a vector of channels, zero in the padding."""
    batch, *position = at
    spot = [p * s + t - pad for p, s, t, pad in zip(position, window.stride, tap, window.padding, strict=True)]
    inside = all(0 <= a < size for a, size in zip(spot, x.shape[1:3], strict=True))
    return x[(batch, *spot)] if inside else np.zeros_like(x[0, 0, 0])


TERMS = {"forward": _forward, "backward_data": _backward_data, "backward_weights": _backward_weights}
