"""Instructions of the vector, norm and quantise units as a tracing machine is called, each on operands of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from accelsim.formats import FP32, Recipe, Role, format_by_name, integer
from accelsim.formats.blocks import Along
from accelsim.machine import Parameter, Tensor
from accelsim.machine.window import Window
from accelsim.program import Operation
from accelsim.tracing import Tracer

IMAGES, TEXTS, SCORES, LOGITS, CHANNELS = (4, 6, 6, 8), (4, 5, 8), (2, 5, 5), (4, 10), 8
POOL = Window((3, 3), (2, 2), (1, 1))
SQUARE = Window((2, 2), (2, 2))
POOLED = (4, 3, 3, 8)
ROTATED = Along((0,))


class Bench:
    """A machine that traces, and operands for it: activations as its recipe has them, unless told otherwise."""

    def __init__(self, recipe: Recipe, *, training: bool) -> None:
        self.m = Tracer(recipe)
        self.m.begin(training=training)
        self.running = Parameter("running", (CHANNELS,), Role.NORM_STATISTIC, Role.NORM_STATISTIC)
        self._made = 0

    def x(self, *shape: int, of: str = "", role: Role = Role.ACTIVATION) -> Tensor:
        self._made += 1
        format_ = format_by_name(of) if of else self.m.recipe[role].format
        return self.m.external(f"x{self._made}", shape or IMAGES, format_, role)

    def g(self, *shape: int) -> Tensor:
        """A gradient as norms read it."""
        return self.x(*shape, role=Role.GRADIENT_NORM)

    def wide(self, *shape: int) -> Tensor:
        """What leaves an instruction, not yet quantised."""
        is_integer = self.m.recipe[Role.ACTIVATION].format.is_integer
        return self.x(*shape, of=str(integer(32) if is_integer else FP32), role=Role.ACCUMULATOR)

    def each(self, count: int, size: int = CHANNELS) -> list[Tensor]:
        """Tensors of one value a channel, or sample: statistics, gains, sums."""
        return [self.wide(size) for _ in range(count)]

    def angles(self) -> Tensor:
        return self.m.rotation_table(self.wide(*TEXTS), 4, 10000.0)

    def sums(self) -> tuple[Tensor, Tensor]:
        return self.wide(CHANNELS), self.wide(CHANNELS)


def _range(b: Bench, gamma: list[Tensor | None]) -> None:
    b.m.range_norm_backward(b.g(), *b.each(1), b.x(2, 4, CHANNELS, of="int32"), *gamma, b.sums(), 0.3)


def _about_zero(b: Bench, kind: str) -> None:
    """A backward, where there is neither a mean nor a sum of g."""
    g, spread, total = b.g(), *b.each(2)
    if kind == "range":
        b.m.range_norm_backward(g, spread, b.x(2, 1, 8, of="int32"), None, (total,), 0.3, "row", about_zero=True)
    elif kind == "deviation":
        b.m.batch_norm_backward(g, b.x(), None, spread, None, (total,), "row")
    else:
        b.m.l1_norm_backward(g, b.x(), None, spread, None, None, (total,), 1.25, "row")


CALLS: dict[str, Callable[[Bench], Any]] = {
    "relu": lambda b: b.m.relu(b.x()),
    "relu, maximum": lambda b: b.m.relu(b.x(), 6.0),
    "relu_backward": lambda b: b.m.relu_backward(b.wide(), b.x()),
    "relu_backward, maximum": lambda b: b.m.relu_backward(b.wide(), b.x(), 6.0),
    "add": lambda b: b.m.add(b.x(), b.x()),
    "add, wide": lambda b: b.m.add(b.wide(), b.x()),
    "add_parameter, wide": lambda b: b.m.add_parameter(b.x(*TEXTS), b.wide(*TEXTS[1:])),
    "add_parameter": lambda b: b.m.add_parameter(b.x(*TEXTS), b.x(*TEXTS[1:])),
    "max_pool2d": lambda b: b.m.max_pool2d(b.x(), POOL),
    "max_pool2d_backward": lambda b: b.m.max_pool2d_backward(b.g(*POOLED), b.x(*POOLED, of="uint8"), POOL, IMAGES),
    "average_pool2d": lambda b: b.m.average_pool2d(b.x(), POOL),
    "average_pool2d, 4 taps": lambda b: b.m.average_pool2d(b.x(), SQUARE),
    "average_pool2d_backward": lambda b: b.m.average_pool2d_backward(b.g(*POOLED), POOL, IMAGES),
    "average_pool2d_backward, 4 taps": lambda b: b.m.average_pool2d_backward(b.g(*POOLED), SQUARE, IMAGES),
    "reduce_sum": lambda b: b.m.reduce_sum(b.g()),
    "dropout": lambda b: b.m.dropout(b.x(), 0.1),
    "dropout, half": lambda b: b.m.dropout(b.x(), 0.5),
    "dropout_backward": lambda b: b.m.dropout_backward(b.wide(), b.x(), 0.1),
    "dropout_backward, half": lambda b: b.m.dropout_backward(b.wide(), b.x(), 0.5),
    "gelu": lambda b: b.m.gelu(b.x()),
    "gelu, 9 bits": lambda b: b.m.gelu(b.x(of="int9")),
    "gelu, 10 bits": lambda b: b.m.gelu(b.x(of="int10")),
    "gelu, 16 bits": lambda b: b.m.gelu(b.x(of="int16")),
    "gelu_backward": lambda b: b.m.gelu_backward(b.g(), b.x()),
    "gelu_backward, wide": lambda b: b.m.gelu_backward(b.wide(), b.x()),
    "gelu_backward, 16 bits": lambda b: b.m.gelu_backward(b.wide(), b.x(of="int16")),
    "multiply": lambda b: b.m.multiply(b.x(), b.x()),
    "multiply, gradient": lambda b: b.m.multiply(b.x(role=Role.GRADIENT_DATA), b.x()),
    "multiply, 16 bits": lambda b: b.m.multiply(b.x(of="int16"), b.x()),
    "rotary": lambda b: b.m.rotary(b.wide(*TEXTS), b.angles(), "turned"),
    "rotary_backward": lambda b: b.m.rotary_backward(b.wide(*TEXTS), b.angles(), "turned_back"),
    "silu": lambda b: b.m.silu(b.x()),
    "silu, 16 bits": lambda b: b.m.silu(b.x(of="int16")),
    "silu_backward": lambda b: b.m.silu_backward(b.g(), b.x()),
    "silu_backward, wide": lambda b: b.m.silu_backward(b.wide(), b.x()),
    "silu_backward, 16 bits": lambda b: b.m.silu_backward(b.wide(), b.x(of="int16")),
    "hadamard": lambda b: b.m.rotate(b.x(32, 12, of="bf16"), "rotated", ROTATED),
    "hadamard, codes": lambda b: b.m.rotate(b.x(32, 12), "rotated", ROTATED),
    "hadamard, codes left over": lambda b: b.m.rotate(b.x(40, 12), "rotated", ROTATED),
    "hadamard, rows left over": lambda b: b.m.rotate(b.x(40, 12, of="bf16"), "rotated", ROTATED),
    "softmax": lambda b: b.m.softmax(b.x(*SCORES), factor=0.5, causal=False),
    "softmax, causal": lambda b: b.m.softmax(b.x(*SCORES), factor=0.5, causal=True),
    "softmax_backward": lambda b: b.m.softmax_backward(b.g(*SCORES), b.x(*SCORES), factor=0.3),
    "softmax_backward, half": lambda b: b.m.softmax_backward(b.g(*SCORES), b.x(*SCORES), factor=0.5),
    "softmax_cross_entropy": lambda b: _loss(b, 0.0),
    "softmax_cross_entropy, smoothing": lambda b: _loss(b, 0.1),
    "gather": lambda b: b.m.gather(b.x(9, 8), b.x(4, 5, of="uint16")),
    "scatter_add": lambda b: b.m.scatter_add(b.x(*TEXTS), b.x(4, 5, of="uint16"), 9),
    "prepend": lambda b: b.m.prepend(b.x(*TEXTS), b.x(8)),
    "slice_tokens": lambda b: b.m.slice_tokens(b.x(*TEXTS), 1, 3),
    "slice_tokens_backward": lambda b: b.m.slice_tokens_backward(b.wide(4, 2, 8), 1, 5),
    "concat": lambda b: b.m.concat(b.x(), b.x(4, 6, 6, 2)),
    "slice_channels": lambda b: b.m.slice_channels(b.x(), 2, 5),
    "reduce_mean": lambda b: b.m.reduce_mean(b.x()),
    "reduce_mean, rows": lambda b: b.m.reduce_mean(b.x(), "row"),
    "reduce_range": lambda b: b.m.reduce_range(b.x(), 4, 0.3),
    "reduce_range, zero": lambda b: b.m.reduce_range(b.x(), 1, 0.3, "row", about_zero=True),
    "reduce_deviation": lambda b: b.m.reduce_deviation(b.x()),
    "reduce_deviation, zero": lambda b: b.m.reduce_deviation(b.x(), "row", about_zero=True),
    "reduce_l1, zero": lambda b: b.m.reduce_l1(b.x(), None, 1.25, "row"),
    "reduce_l1": lambda b: b.m.reduce_l1(b.x(), *b.each(1), 1.25),
    "normalise": lambda b: b.m.normalise(b.x(), *b.each(4)),
    "normalise_rows": lambda b: b.m.normalise_rows(b.x(), *b.each(2, 4), *b.each(2), "sample"),
    "normalise_rows, zero": lambda b: b.m.normalise_rows(b.x(), None, *b.each(2), None, "row"),
    "reduce_products": lambda b: b.m.reduce_products(b.g(), b.x(), *b.each(2)),
    "reduce_products, zero": lambda b: b.m.reduce_products(b.g(), b.x(), None, *b.each(1), "row"),
    "reduce_row_products": lambda b: b.m.reduce_row_products(b.g(), b.x(), *b.each(2, 4), "sample"),
    "reduce_row_products, zero": lambda b: b.m.reduce_row_products(b.g(), b.x(), None, *b.each(1), "row"),
    "weigh": lambda b: b.m.weigh(b.g(), *b.each(1)),
    "range_norm_backward": lambda b: _range(b, b.each(1)),
    "range_norm_backward, weighed": lambda b: _range(b, [None]),
    "range_norm_backward, zero": lambda b: _about_zero(b, "range"),
    "batch_norm_backward": lambda b: b.m.batch_norm_backward(b.g(), b.x(), *b.each(3), b.sums()),
    "batch_norm_backward, weighed": lambda b: b.m.batch_norm_backward(b.g(), b.x(), *b.each(2), None, b.sums()),
    "batch_norm_backward, zero": lambda b: _about_zero(b, "deviation"),
    "l1_norm_backward": lambda b: b.m.l1_norm_backward(b.g(), b.x(), *b.each(4), b.sums(), 1.25),
    "l1_norm_backward, weighed": lambda b: b.m.l1_norm_backward(b.g(), b.x(), *b.each(3), None, b.sums(), 1.25),
    "l1_norm_backward, zero": lambda b: _about_zero(b, "l1"),
    "track": lambda b: b.m.track(b.running, *b.each(1), 0.9),
    "track, inverse": lambda b: b.m.track(b.running, *b.each(1), 0.9, inverse=True),
    "recall_mean": lambda b: b.m.recall_mean(b.running, b.x()),
    "recall_spread": lambda b: b.m.recall_spread(b.running, inverse=True),
    "requantise": lambda b: b.m.quantise(b.wide(), Role.ACTIVATION),
    "requantise, wider": lambda b: b.m.quantise(b.x(of="int48", role=Role.ACCUMULATOR), Role.ACTIVATION),
    "requantise, narrower": lambda b: b.m.quantise(b.x(), Role.GRADIENT_NORM),
    "quantise": lambda b: b.m.quantise(b.x(of="fp32"), Role.ACTIVATION),
    "quantise, weights": lambda b: b.m.quantise(b.x(of="fp32"), Role.WEIGHT),
    "convert": lambda b: b.m.quantise(b.x(of="fp32"), Role.ACTIVATION),
    "convert, narrow": lambda b: b.m.quantise(b.x(), Role.LOSS),
    "convert, blocks": lambda b: b.m.quantise(b.x(), Role.ACTIVATION_BACKWARD, axis=0),
    "dequantise": lambda b: b.m.quantise(b.wide(), Role.LOSS),
    "quantise_bias": lambda b: b.m.quantise_bias(b.x(CHANNELS, of="fp32"), b.x(), b.x(8, 8)),
    "quantise_bias, integers": lambda b: b.m.quantise_bias(b.x(CHANNELS, of="int16"), b.x(), b.x(8, 8)),
    "quantise_bias, narrow": lambda b: b.m.quantise_bias(b.x(CHANNELS, of="bf16"), b.x(), b.x(8, 8)),
}
"""Each makes one operation, the opcode before the comma."""


def _loss(b: Bench, smoothing: float) -> None:
    b.m.softmax_cross_entropy(b.x(*LOGITS, role=Role.LOSS), b.x(4, of="uint16"), smoothing)


@pytest.fixture(scope="session")
def lane_calls() -> frozenset[str]:
    """Names of the calls."""
    return frozenset(CALLS)


@pytest.fixture(scope="session")
def lane_operation() -> Callable[..., Operation]:
    """What a call makes on a machine of some recipe."""

    def issued(call: str, recipe: Recipe, *, training: bool = True) -> Operation:
        bench = Bench(recipe, training=training)
        with bench.m.scope("layer"):
            CALLS[call](bench)
        (operation,) = bench.m.program.operations
        return operation

    return issued
