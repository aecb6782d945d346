"""Lane work of the vector, norm and quantise units, instruction by instruction, against each one's own formula.

Roundings and saturation of what an instruction rescales come with the multiplication; only the quantise unit, whose
work they are, counts an addition for each. Nor is counted what there is once a group, a channel or a tensor: means,
reciprocals, products of scales. So a division by what a group has in common is a multiplication.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from accelsim.datapath.units.registry import HANDLERS
from accelsim.formats import FP32, Recipe, Role, format_by_name, integer
from accelsim.formats.blocks import Along
from accelsim.hardware import load_hwconfig
from accelsim.machine import Parameter, Tensor
from accelsim.machine.window import Window
from accelsim.program import Program, Unit, Work
from accelsim.simulation.inputs import read_inputs
from accelsim.tracing import Tracer

LANES = {Unit.VECTOR, Unit.NORM, Unit.QUANTISE}
IMAGES, TEXTS, SCORES, LOGITS = (4, 6, 6, 8), (4, 5, 8), (2, 5, 5), (4, 10)
ALL, TOKENS, SQUARES, CHANNELS = 4 * 6 * 6 * 8, 4 * 5, 2 * 5 * 5, 8
POOL = Window((3, 3), (2, 2), (1, 1))
POOLED, OUTPUTS, TAPS = (4, 3, 3, 8), 4 * 3 * 3 * 8, 9
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

    def sums(self) -> tuple[Tensor, Tensor]:
        return self.wide(CHANNELS), self.wide(CHANNELS)


def _range(b: Bench, gamma: list[Tensor | None]) -> None:
    b.m.range_norm_backward(b.g(), *b.each(1), b.x(2, 4, CHANNELS, of="int32"), *gamma, b.sums(), 0.3)


CALLS: dict[str, Callable[[Bench], Any]] = {
    "relu": lambda b: b.m.relu(b.x()),
    "relu, maximum": lambda b: b.m.relu(b.x(), 6.0),
    "relu_backward": lambda b: b.m.relu_backward(b.wide(), b.x()),
    "relu_backward, maximum": lambda b: b.m.relu_backward(b.wide(), b.x(), 6.0),
    "add": lambda b: b.m.add(b.x(), b.x()),
    "add_parameter": lambda b: b.m.add_parameter(b.x(*TEXTS), b.x(*TEXTS[1:])),
    "max_pool2d": lambda b: b.m.max_pool2d(b.x(), POOL),
    "max_pool2d_backward": lambda b: b.m.max_pool2d_backward(b.g(*POOLED), b.x(*POOLED, of="uint8"), POOL, IMAGES),
    "average_pool2d": lambda b: b.m.average_pool2d(b.x(), POOL),
    "average_pool2d_backward": lambda b: b.m.average_pool2d_backward(b.g(*POOLED), POOL, IMAGES),
    "reduce_sum": lambda b: b.m.reduce_sum(b.g()),
    "dropout": lambda b: b.m.dropout(b.x(), 0.5),
    "dropout_backward": lambda b: b.m.dropout_backward(b.wide(), b.x(), 0.5),
    "gelu": lambda b: b.m.gelu(b.x()),
    "gelu, 9 bits": lambda b: b.m.gelu(b.x(of="int9")),
    "gelu, 10 bits": lambda b: b.m.gelu(b.x(of="int10")),
    "gelu, 16 bits": lambda b: b.m.gelu(b.x(of="int16")),
    "gelu_backward": lambda b: b.m.gelu_backward(b.g(), b.x()),
    "gelu_backward, 16 bits": lambda b: b.m.gelu_backward(b.wide(), b.x(of="int16")),
    "hadamard": lambda b: b.m.rotate(b.x(32, 12, of="bf16"), "rotated", ROTATED),
    "softmax": lambda b: b.m.softmax(b.x(*SCORES), factor=0.5, causal=False),
    "softmax, causal": lambda b: b.m.softmax(b.x(*SCORES), factor=0.5, causal=True),
    "softmax_backward": lambda b: b.m.softmax_backward(b.g(*SCORES), b.x(*SCORES), factor=0.5),
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
    "reduce_deviation": lambda b: b.m.reduce_deviation(b.x()),
    "reduce_l1": lambda b: b.m.reduce_l1(b.x(), *b.each(1), 1.25),
    "normalise": lambda b: b.m.normalise(b.x(), *b.each(4)),
    "normalise_rows": lambda b: b.m.normalise_rows(b.x(), *b.each(2, 4), *b.each(2), "sample"),
    "reduce_products": lambda b: b.m.reduce_products(b.g(), b.x(), *b.each(2)),
    "reduce_row_products": lambda b: b.m.reduce_row_products(b.g(), b.x(), *b.each(2, 4), "sample"),
    "weigh": lambda b: b.m.weigh(b.g(), *b.each(1)),
    "range_norm_backward": lambda b: _range(b, b.each(1)),
    "range_norm_backward, weighed": lambda b: _range(b, [None]),
    "batch_norm_backward": lambda b: b.m.batch_norm_backward(b.g(), b.x(), *b.each(3), b.sums()),
    "batch_norm_backward, weighed": lambda b: b.m.batch_norm_backward(b.g(), b.x(), *b.each(2), None, b.sums()),
    "l1_norm_backward": lambda b: b.m.l1_norm_backward(b.g(), b.x(), *b.each(4), b.sums(), 1.25),
    "l1_norm_backward, weighed": lambda b: b.m.l1_norm_backward(b.g(), b.x(), *b.each(3), None, b.sums(), 1.25),
    "track": lambda b: b.m.track(b.running, *b.each(1), 0.9),
    "recall_mean": lambda b: b.m.recall_mean(b.running, b.x()),
    "recall_spread": lambda b: b.m.recall_spread(b.running, inverse=True),
    "requantise": lambda b: b.m.quantise(b.wide(), Role.ACTIVATION),
    "requantise, wider": lambda b: b.m.quantise(b.x(of="int48", role=Role.ACCUMULATOR), Role.ACTIVATION),
    "requantise, narrower": lambda b: b.m.quantise(b.x(), Role.GRADIENT_NORM),
    "quantise": lambda b: b.m.quantise(b.x(of="fp32"), Role.ACTIVATION),
    "convert": lambda b: b.m.quantise(b.x(of="fp32"), Role.ACTIVATION),
    "convert, blocks": lambda b: b.m.quantise(b.x(), Role.ACTIVATION_BACKWARD, axis=0),
    "dequantise": lambda b: b.m.quantise(b.wide(), Role.LOSS),
    "quantise_bias": lambda b: b.m.quantise_bias(b.x(CHANNELS, of="fp32"), b.x(), b.x(8, 8)),
}
"""Each makes one operation, the opcode before the comma."""


def _loss(b: Bench, smoothing: float) -> None:
    b.m.softmax_cross_entropy(b.x(*LOGITS, role=Role.LOSS), b.x(4, of="uint16"), smoothing)


class Row(NamedTuple):
    """Lane steps, and of each the multiplications + additions or comparisons and their format: of integers (on
    ``int8_range_bn``) and of floats (on ``fp32``), or on another ``machine`` with fields ``changed``."""

    call: str
    steps: int
    integers: str
    floats: str
    why: str
    machine: str = ""
    changed: str = ""
    training: bool = True

    @property
    def opcode(self) -> str:
        return self.call.partition(",")[0]

    @property
    def cases(self) -> list[tuple[str, str]]:
        """Machine and work."""
        pairs = ("int8_range_bn", self.integers), ("fp32", self.floats)
        return [(self.machine or usual, work) for usual, work in pairs if work]


AFFINE = "numerics.activation={format: uint8, affine: true}"
MOVED = "0 + 0 int8", "0 + 0 fp32", "moved"
ONCE_ADDED = "0 + 1 int32", "0 + 1 fp32"
WEIGHED = "times 1 / spread, as gamma is in g"
ROWS = [
    Row("relu", ALL, "0 + 1 int8", "0 + 1 fp32", "compared with 0"),
    Row("relu", ALL, "", "0 + 1 mxfp8_e4m3", "elements alone, without their scale", "mxfp8"),
    Row("relu, maximum", ALL, "0 + 2 int8", "0 + 2 fp32", "compared with 0 and the maximum"),
    Row("relu_backward", ALL, "0 + 1 int8", "0 + 1 fp32", "y compared with 0; its format decides, not that of g"),
    Row("relu_backward, maximum", ALL, "0 + 2 int8", "0 + 2 fp32", "y compared with 0 and the maximum"),
    Row("add", ALL, "2 + 1 int32", "0 + 1 fp32", "integers rescaled, each of both; added"),
    Row("add_parameter", TOKENS * 8, "2 + 1 int32", "0 + 1 fp32", "as add, for every sample"),
    Row("max_pool2d", TAPS * OUTPUTS, "0 + 1 int8", "0 + 1 fp32", "each tap of a window compared with the best so far"),
    Row("max_pool2d_backward", OUTPUTS, *ONCE_ADDED, "each gradient added where its maximum stood"),
    Row("average_pool2d", TAPS * OUTPUTS, *ONCE_ADDED, "each tap of a window added; the scale divides"),
    Row("average_pool2d_backward", TAPS * OUTPUTS, *ONCE_ADDED, "each gradient added at each tap; the scale divides"),
    Row("reduce_sum", ALL, "0 + 1 int64", "0 + 1 fp32", "added to the sum"),
    Row("dropout", ALL, "0 + 1 int8", "1 + 1 fp32", "random bits compared; floats times 1 / (1 - rate)"),
    Row("dropout", ALL, "0 + 1 uint8", "", "words that keep their codes' values", changed=AFFINE),
    Row("dropout_backward", ALL, "0 + 1 int32", "1 + 1 fp32", "random bits compared; floats times 1 / (1 - rate)"),
    # The softmax's 8 + 9 below; the cubic's x x, b x x and x (a + b x x); a division of 2 + 1, one of Newton's steps.
    Row("gelu", ALL, "0 + 1 int8", "13 + 11 fp32", "a look-up of integers; floats 8 + 9, 3 + 1 and 2 + 1"),
    Row("gelu, 9 bits", ALL, "0 + 1 int9", "", "8 bits and one that a zero point adds have an entry a code"),
    Row("gelu, 10 bits", ALL, "1 + 3 int10", "", "a look-up; entry + (next entry - entry) x rest"),
    Row("gelu, 16 bits", ALL, "1 + 3 int16", "", "a look-up; entry + (next entry - entry) x rest"),
    Row("gelu", ALL, "", "13 + 11 fp32", "in the unit's fp32, whatever it reads", "bf16"),
    # Floats: s + x (s (1 - s)) (a + 3 b x x) has four multiplications where x s has one, and three additions.
    Row("gelu_backward", ALL, "1 + 1 int32", "17 + 14 fp32", "the slope, times g"),
    Row("gelu_backward", ALL, "", "17 + 14 fp32", "in the unit's fp32, whatever it reads", "bf16"),
    Row("gelu_backward, 16 bits", ALL, "2 + 3 int32", "", "a slope between two entries, times g"),
    Row("hadamard", 4 * 32 * 12, "", "0 + 1 fp32", "log2 16 stages of an addition; signs, 1 / 4 free", "nvfp4"),
    Row(
        *("hadamard", 2 * 32 * 12, "", "0 + 1 fp32", "log2 4 stages", "nvfp4"),
        changed="numerics.weight_gradient_hadamard=4",
    ),
    # Integers: to exponents of two, between two entries, times 1 / sum; maximum, distance, the line's 2, sum.
    # Floats: times log2 e, a polynomial of degree six (6 + 6), times 1 / sum; maximum, difference, sum.
    Row("softmax", SQUARES, "3 + 5 int32", "8 + 9 fp32", "exponentials over their sum"),
    Row("softmax, causal", SQUARES, "3 + 5 int32", "8 + 9 fp32", "lanes take the masked columns, too"),
    # One addition more than the formula's three: the integers' result, shifted into a word, is rounded.
    Row("softmax_backward", SQUARES, "2 + 4 int32", "2 + 4 fp32", "y g, y (g - mean); sums of y g and y, difference"),
    Row("softmax_cross_entropy", 40, "", "8 + 9 fp32", "as softmax, whatever made the logits", "int8_range_bn"),
    Row("softmax_cross_entropy", 40, "", "8 + 9 fp32", "as softmax"),
    Row("softmax_cross_entropy, smoothing", 40, "", "8 + 10 fp32", "every class less its share"),
    Row("softmax_cross_entropy", 40, "", "9 + 9 fp32", "times the loss scale", "fp16_mixed"),
    Row("softmax_cross_entropy, smoothing", 40, "", "9 + 10 fp32", "both", "fp16_mixed"),
    Row("softmax_cross_entropy", 40, "", "8 + 9 fp32", "evaluations don't scale", "fp16_mixed", training=False),
    Row("gather", TOKENS * 8, *MOVED),
    Row("scatter_add", TOKENS * 8, "0 + 1 int48", "0 + 1 fp32", "each added to its row, in the product's accumulators"),
    Row("prepend", 4 * 6 * 8, "1 + 0 int32", "0 + 0 fp32", "integers on a common scale; moved"),
    Row("slice_tokens", 4 * 2 * 8, *MOVED),
    Row("slice_tokens_backward", TOKENS * 8, "0 + 0 int32", "0 + 0 fp32", "moved, and zeros written"),
    Row("concat", 4 * 6 * 6 * 10, "1 + 0 int32", "0 + 0 fp32", "integers on a common scale; moved"),
    Row("slice_channels", 4 * 6 * 6 * 3, *MOVED),
    Row("reduce_mean", ALL, *ONCE_ADDED, "added to the sum"),
    Row("reduce_mean, rows", ALL, *ONCE_ADDED, "added to the sum, whatever the groups"),
    Row("reduce_range", ALL, "0 + 2 int32", "0 + 2 fp32", "compared with the largest and the smallest so far"),
    Row("reduce_deviation", ALL, "1 + 2 int64", "1 + 2 fp32", "squared; sums of squares and of x, or x less its mean"),
    Row("reduce_l1", ALL, "0 + 3 int32", "0 + 3 fp32", "less the mean; sums of magnitudes and of signs"),
    Row("normalise", ALL, "1 + 2 int32", "1 + 2 fp32", "less the mean, times gamma / spread, plus beta"),
    Row("normalise_rows", ALL, "2 + 2 int32", "2 + 2 fp32", "less the mean, times 1 / spread, times gamma, plus beta"),
    Row("reduce_products", ALL, "1 + 3 int64", "1 + 3 fp32", "g (x - mean); the difference and two sums"),
    Row("reduce_row_products", ALL, "2 + 3 int64", "2 + 3 fp32", "times 1 / spread, too, which no channel shares"),
    Row("weigh", ALL, "1 + 0 int32", "1 + 0 fp32", "g gamma"),
    Row("range_norm_backward", ALL, "1 + 2 int32", "1 + 2 fp32", "less mean and extremes' share, times gamma / spread"),
    Row("range_norm_backward, weighed", ALL, "1 + 2 int32", "1 + 2 fp32", WEIGHED),
    # Three subtractions: mean of g, mean of x, and what of x - mean comes off g.
    Row("batch_norm_backward", ALL, "2 + 3 int32", "2 + 3 fp32", "g - mean - factor (x - mean), times gamma / spread"),
    Row("batch_norm_backward, weighed", ALL, "2 + 3 int32", "2 + 3 fp32", WEIGHED),
    # Three subtractions and a comparison: g less its centre, x less its mean, the sign of that, the share by it.
    Row(
        "l1_norm_backward", ALL, "1 + 4 int32", "1 + 4 fp32", "g - centre - share sign(x - mean), times gamma / spread"
    ),
    Row("l1_norm_backward, weighed", ALL, "1 + 4 int32", "1 + 4 fp32", WEIGHED),
    Row("track", CHANNELS, "", "2 + 1 fp32", "momentum x old + (1 - momentum) x new"),
    Row("recall_mean", CHANNELS, "", "1 + 1 fp32", "over the scale of x, rounded", "int8_range_bn", training=False),
    Row("recall_spread", CHANNELS, "", "1 + 0 fp32", "a reciprocal, as if multiplied", "int8_range_bn", training=False),
    Row("requantise", ALL, "1 + 2 int32", "", "times a mantissa; rounded, saturated"),
    Row("requantise", ALL, "1 + 3 int32", "", "and the zero point added", changed=AFFINE),
    Row("requantise, wider", ALL, "1 + 2 int32", "", "more than 32 bits are shifted into a word first", "eyeriss"),
    Row("requantise, narrower", ALL, "1 + 2 int32", "", "few bits take a mantissa of as many as others"),
    Row("quantise", ALL, "", "1 + 2 fp32", "over the scale; rounded, saturated", "int8_range_bn"),
    Row("quantise", ALL, "", "1 + 3 fp32", "and the zero point added", "int8_range_bn", AFFINE),
    Row("convert", ALL, "", "1 + 2 fp32", "over the scale; rounded, saturated", "fp8_hybrid"),
    Row("convert", ALL, "", "1 + 2 fp32", "the same lane, though bf16 has no scale", "bf16"),
    Row("convert, blocks", ALL, "", "1 + 2 mxfp8_e4m3", "what is read decides the format", "mxfp8"),
    Row("dequantise", ALL, "1 + 0 fp32", "", "times the scale, in the format that it takes on"),
    Row("quantise_bias", CHANNELS, "", "1 + 1 fp32", "over the accumulators' scale, rounded", "int8_range_bn"),
]


def _work(steps: int, text: str) -> Work:
    multiplies, _, adds, format_ = text.split()
    return Work(steps, int(multiplies), int(adds), format_by_name(format_))


@pytest.mark.parametrize(
    ("row", "machine", "work"),
    [pytest.param(row, *case, id=f"{row.call}-{case[0]}-{case[1]}") for row in ROWS for case in row.cases],
)
def test_work_of_an_instruction(root, row, machine, work):
    recipe = load_hwconfig(root / "hwconfigs" / f"{machine}.yaml", [row.changed] if row.changed else []).recipe()
    bench = Bench(recipe, training=row.training)
    with bench.m.scope("layer"):
        CALLS[row.call](bench)
    (operation,) = bench.m.program.operations
    assert (operation.opcode, operation.unit in LANES) == (row.opcode, True)
    assert operation.work == _work(row.steps, work), row.why


def test_every_call_has_a_row():
    assert {row.call for row in ROWS} == CALLS.keys()


@pytest.fixture(scope="module")
def issued(root) -> list[Program]:
    """What shipped machines make of convolutions and transformers, of all optimizers, and in a cluster."""

    def traced(machine: str, workload: str, *settings: str) -> Program:
        inputs = read_inputs(
            root / "hwconfigs" / f"{machine}.yaml", root / "workloads" / f"{workload}.yaml", settings=settings
        )
        return inputs.workload.trace(inputs.recipe).program

    machines = [path.stem for path in sorted((root / "hwconfigs").glob("*.yaml"))]
    workloads = ["digits_cnn", "digits_vit", "imagenet_mobilenet_v2", "imagenet_alexnet"]
    cluster = "cluster={machines: 2, link_bytes_per_s: 1e9}"
    return [
        *(traced(machine, workload) for machine in machines for workload in workloads),
        traced("fp32", "gpt2_small"),
        traced("int8_range_bn", "digits_cnn", cluster),
    ]


def test_every_instruction_of_the_lanes_has_a_row(issued):
    """The datapath knows all instructions; the Programs show which of them other units execute."""
    others = {op.opcode for program in issued for op in program.operations if op.unit not in LANES}
    assert {row.opcode for row in ROWS} == HANDLERS.keys() - others


def test_shipped_machines_issue_no_work_without_a_row(issued):
    rows = {(row.opcode, text.rpartition(" ")[0]) for row in ROWS for _, text in row.cases}
    found = {
        (op.opcode, f"{op.work.multiplies} + {op.work.adds}")
        for program in issued
        for op in program.operations
        if op.unit in LANES
    }
    assert found <= rows


def test_the_table_in_the_docs(root):
    """``docs/energy.md`` has the instructions in groups: names, multiplications + additions, and those of floats."""
    page = (root / "docs" / "energy.md").read_text(encoding="utf-8")
    section = page.partition("## Lane work\n")[2].partition("\n## ")[0]
    stated = {}
    for group in re.split(r"[;|\n]", section):
        names, (integers, _, floats) = re.findall(r"`(\w+)`", group), group.partition("floats")
        pairs = [set(re.findall(r"\d+ \+ \d+", part)) for part in (integers, floats or integers)]
        stated.update(dict.fromkeys([name for name in names if pairs[0]], pairs))
    for opcode in {row.opcode for row in ROWS}:
        rows = [row for row in ROWS if row.opcode == opcode]
        for kind, pairs in zip(("integers", "floats"), stated[opcode], strict=True):
            found = {getattr(row, kind).rpartition(" ")[0] for row in rows if getattr(row, kind)}
            assert not found or found == pairs, (opcode, kind)
    assert stated.keys() == {row.opcode for row in ROWS}
