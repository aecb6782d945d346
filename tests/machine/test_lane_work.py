"""Lane work of the vector, norm and quantise units, instruction by instruction, against each one's own formula.

Roundings and saturation of what an instruction rescales come with the multiplication; only the quantise unit, whose
work they are, counts an addition for each. Nor is counted what there is once a group, a channel or a tensor: means,
reciprocals, products of scales. So a division by what a group has in common is a multiplication, and constants that
follow each other are one. Floats times a power of two move exponents alone, and places, as of extremes, are addresses.
What finds a tensor's range, takes a zero point off, or brings elements that are read under their block's scale counts
as nothing.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

import pytest

from accelsim.datapath.units.registry import HANDLERS
from accelsim.formats import format_by_name
from accelsim.hardware import load_hwconfig
from accelsim.program import Program, Unit, Work
from accelsim.simulation.inputs import read_inputs

LANES = {Unit.VECTOR, Unit.NORM, Unit.QUANTISE}
ALL, TOKENS, SQUARES, CHANNELS = 4 * 6 * 6 * 8, 4 * 5, 2 * 5 * 5, 8
OUTPUTS, TAPS = 4 * 3 * 3 * 8, 9
"""Elements of the operands that calls have: of images, texts, scores; of what is pooled, from windows of so many."""


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


POWER = "numerics.activation.scale_form=power_of_two"
TERNARY = "numerics.weight=ternary"
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
    Row("add", ALL, "", "2 + 1 fp32", "both multiplied out", "fp8_hybrid"),
    Row("add", ALL, "", "0 + 1 fp32", "scales of blocks are powers of two", "mxfp8"),
    Row("add, wide", ALL, "2 + 1 int32", "0 + 1 fp32", "as add"),
    Row("add, wide", ALL, "", "1 + 1 fp32", "one of both multiplied out", "fp8_hybrid"),
    Row("add, wide", ALL, "", "0 + 1 fp32", "a scale that is a power of two", "fp8_hybrid", POWER),
    Row("add, wide", ALL, "", "1 + 1 fp32", "by the scale of the tensor", "nvfp4"),
    Row("add_parameter", TOKENS * 8, "2 + 1 int32", "0 + 1 fp32", "as add, for every sample"),
    Row("add_parameter", TOKENS * 8, "", "2 + 1 fp32", "both multiplied out", "fp8_hybrid"),
    Row("add_parameter, wide", TOKENS * 8, "2 + 1 int32", "0 + 1 fp32", "as add, for every sample"),
    Row("add_parameter, wide", TOKENS * 8, "", "1 + 1 fp32", "one of both multiplied out", "fp8_hybrid"),
    Row("max_pool2d", TAPS * OUTPUTS, "0 + 1 int8", "0 + 1 fp32", "each tap of a window compared with the best so far"),
    Row("max_pool2d_backward", OUTPUTS, *ONCE_ADDED, "each gradient added where its maximum stood"),
    # Floats are multiplied once a window, after its sum or before its gradient is spread: a ninth of a step's work.
    Row("average_pool2d", TAPS * OUTPUTS, "0 + 1 int32", "1/9 + 1 fp32", "taps added; the scale of integers divides"),
    Row("average_pool2d, 4 taps", ALL, *ONCE_ADDED, "a power of two divides"),
    Row("average_pool2d, 4 taps", ALL, "", "1/4 + 1 fp32", "multiplied out", "fp8_hybrid"),
    Row("average_pool2d_backward", TAPS * OUTPUTS, "0 + 1 int32", "1/9 + 1 fp32", "each gradient added at each tap"),
    Row("average_pool2d_backward, 4 taps", 4 * OUTPUTS, *ONCE_ADDED, "a power of two divides"),
    Row("reduce_sum", ALL, "0 + 1 int64", "0 + 1 fp32", "added to the sum"),
    Row("dropout", ALL, "0 + 1 int8", "1 + 1 fp32", "random bits compared; floats times 1 / (1 - rate)"),
    Row("dropout", ALL, "0 + 1 uint8", "", "words that keep their codes' values", changed=AFFINE),
    Row("dropout", ALL, "", "1 + 1 fp32", "in the unit's fp32, whatever it reads", "bf16"),
    Row("dropout, half", ALL, "0 + 1 int8", "0 + 1 fp32", "twice a float is an exponent more"),
    Row("dropout, half", ALL, "", "1 + 1 fp32", "multiplied out", "fp8_hybrid"),
    Row("dropout_backward", ALL, "0 + 1 int32", "1 + 1 fp32", "random bits compared; floats times 1 / (1 - rate)"),
    Row("dropout_backward, half", ALL, "0 + 1 int32", "0 + 1 fp32", "twice a float is an exponent more"),
    # Floats: u log2 e = x (a + b x x), 3 + 1; its power, a polynomial of degree six, 6 + 6; that plus 1, and u's sign,
    # 0 + 2; the division, two of Newton's steps from a look-up and the numerator, 5 + 3; times x.
    Row("gelu", ALL, "0 + 1 int8", "15 + 12 fp32", "a look-up of integers; floats x / (1 + exp(-u)), by the sign of u"),
    Row("gelu, 9 bits", ALL, "0 + 1 int9", "", "8 bits and one that a zero point adds have an entry a code"),
    Row("gelu, 10 bits", ALL, "1 + 3 int10", "", "a look-up; entry + (next entry - entry) x rest"),
    Row("gelu, 16 bits", ALL, "1 + 3 int16", "", "a look-up; entry + (next entry - entry) x rest"),
    Row("gelu", ALL, "", "15 + 12 fp32", "in the unit's fp32, whatever it reads", "bf16"),
    Row("gelu", ALL, "", "16 + 12 fp32", "a and b hold the scale of u, but x is multiplied out", "fp8_hybrid"),
    # Floats: s + x (s (1 - s)) (a + c x x) has four multiplications where x s has one, and three additions.
    Row("gelu_backward", ALL, "1 + 1 int32", "19 + 15 fp32", "the slope, times g"),
    Row("gelu_backward", ALL, "", "19 + 15 fp32", "in the unit's fp32, whatever it reads", "bf16"),
    Row("gelu_backward, wide", ALL, "1 + 1 int32", "19 + 15 fp32", "the slope, times g"),
    Row("gelu_backward, wide", ALL, "", "19 + 15 fp32", "a, b and c hold the scale of x", "fp8_hybrid"),
    Row("gelu_backward, 16 bits", ALL, "2 + 3 int32", "", "a slope between two entries, times g"),
    Row("multiply", ALL, "1 + 0 int8", "1 + 0 fp32", "codes as they are; floats in the unit's fp32"),
    Row("multiply", ALL, "", "2 + 0 fp32", "both scales are one constant", "fp8_hybrid"),
    Row("multiply", ALL, "", "1 + 0 fp32", "scales of blocks are powers of two", "mxfp8"),
    Row("multiply, gradient", ALL, "1 + 0 int8", "1 + 0 fp32", "as multiply"),
    Row("multiply, 16 bits", ALL, "1 + 0 int16", "", "the wider operand decides"),
    Row("rotary", TOKENS * 8, "2 + 1 int32", "2 + 1 fp32", "a cos - b sin, or a sin + b cos"),
    Row(
        *("rotary", TOKENS * 8, "3 + 1 int32", "", "channels brought to one scale first", "int8_range_bn"),
        changed="numerics.weight.granularity=per_channel",
    ),
    Row(
        "rotary_backward", TOKENS * 8, "2 + 1 int32", "2 + 1 fp32", "as rotary; products of activations have one scale"
    ),
    # As gelu, but u log2 e is x times a constant, 1 + 0; s + (x s) (1 - s) has two multiplications where x s has one.
    Row("silu", ALL, "0 + 1 int8", "13 + 11 fp32", "a look-up of integers; floats x / (1 + exp(-x)), by the sign of x"),
    Row("silu, 16 bits", ALL, "1 + 3 int16", "", "a look-up; entry + (next entry - entry) x rest"),
    Row("silu", ALL, "", "13 + 11 fp32", "in the unit's fp32, whatever it reads", "bf16"),
    Row("silu", ALL, "", "14 + 11 fp32", "log2 e holds the scale of u, but x is multiplied out", "fp8_hybrid"),
    Row("silu_backward", ALL, "1 + 1 int32", "15 + 13 fp32", "the slope, times g"),
    Row("silu_backward, wide", ALL, "1 + 1 int32", "15 + 13 fp32", "the slope, times g"),
    Row(
        "silu_backward, wide",
        ALL,
        "",
        "16 + 13 fp32",
        "log2 e holds the scale of u, but x is multiplied out",
        "fp8_hybrid",
    ),
    Row("silu_backward, 16 bits", ALL, "2 + 3 int32", "", "a slope between two entries, times g"),
    Row("hadamard", 4 * 32 * 12, "", "0 + 1 fp32", "log2 16 stages of an addition; signs, 1 / 4 free", "nvfp4"),
    Row(
        *("hadamard", 2 * 32 * 12, "", "0 + 1 fp32", "log2 4 stages", "nvfp4"),
        changed="numerics.weight_gradient_hadamard=4",
    ),
    Row("hadamard, codes", 4 * 32 * 12, "", "1/4 + 1 fp32", "multiplied out before the first stage", "nvfp4"),
    Row("hadamard, codes left over", 4 * 40 * 12, "", "1/4 + 4/5 fp32", "all 40 multiplied out", "nvfp4"),
    Row("hadamard, rows left over", 4 * 40 * 12, "", "0 + 4/5 fp32", "32 of 40 added, all take the steps", "nvfp4"),
    # Integers: to exponents of two, between two entries, times 1 / sum; maximum, distance, look-up, the line's 2, sum.
    # Floats: times log2 e, a polynomial of degree six (6 + 6), times 1 / sum; maximum, difference, sum.
    Row("softmax", SQUARES, "3 + 6 int32", "8 + 9 fp32", "exponentials over their sum"),
    Row("softmax", SQUARES, "", "8 + 9 fp32", "the scale goes with log2 e", "fp8_hybrid"),
    Row("softmax, causal", SQUARES, "3 + 6 int32", "8 + 9 fp32", "lanes take the masked columns, too"),
    # y g, y (g - mean), and of floats times the factor; sums of y g and y, the difference.
    Row("softmax_backward", SQUARES, "2 + 3 int32", "3 + 3 fp32", "the factor of integers goes into their scale"),
    Row("softmax_backward, half", SQUARES, "2 + 3 int32", "2 + 3 fp32", "or into exponents"),
    Row("softmax_backward, half", SQUARES, "", "3 + 3 fp32", "or both scales into a multiplication", "fp8_hybrid"),
    Row("softmax_cross_entropy", 40, "", "8 + 9 fp32", "as softmax, whatever made the logits", "int8_range_bn"),
    Row("softmax_cross_entropy", 40, "", "8 + 9 fp32", "as softmax"),
    Row("softmax_cross_entropy, smoothing", 40, "", "8 + 11 fp32", "every class less its share, its logit in the loss"),
    Row("softmax_cross_entropy", 40, "", "8 + 9 fp32", "the loss scale is a power of two", "fp16_mixed"),
    Row("softmax_cross_entropy, smoothing", 40, "", "8 + 11 fp32", "both", "fp16_mixed"),
    Row("softmax_cross_entropy", 40, "", "8 + 9 fp32", "evaluations don't scale", "fp16_mixed", training=False),
    Row("gather", TOKENS * 8, *MOVED),
    Row("scatter_add", TOKENS * 8, "0 + 1 int48", "0 + 1 fp32", "each added to its row, in the product's accumulators"),
    Row("scatter_add", TOKENS * 8, "", "1 + 1 fp32", "multiplied out, added", "fp8_hybrid"),
    Row("prepend", 4 * 6 * 8, "1 + 0 int32", "0 + 0 fp32", "integers on a common scale; moved"),
    Row("prepend", 4 * 6 * 8, "", "1 + 0 fp32", "multiplied out, moved", "fp8_hybrid"),
    Row("slice_tokens", 4 * 2 * 8, *MOVED),
    Row(
        "slice_tokens_backward",
        TOKENS * 8,
        "0 + 0 int32",
        "0 + 0 fp32",
        "moved; a zero is written in a step, too",
    ),
    Row("concat", 4 * 6 * 6 * 10, "1 + 0 int32", "0 + 0 fp32", "integers on a common scale; moved"),
    Row("concat", 4 * 6 * 6 * 10, "", "1 + 0 fp32", "multiplied out, moved", "fp8_hybrid"),
    Row("slice_channels", 4 * 6 * 6 * 3, *MOVED),
    Row("reduce_mean", ALL, *ONCE_ADDED, "added to the sum"),
    Row("reduce_mean, rows", ALL, *ONCE_ADDED, "added to the sum, whatever the groups"),
    Row("reduce_range", ALL, "0 + 2 int32", "0 + 2 fp32", "compared with the largest and the smallest so far"),
    Row("reduce_range, zero", ALL, "0 + 2 int32", "0 + 2 fp32", "as about a mean; the farther one, once a group"),
    Row("reduce_deviation", ALL, "1 + 2 int64", "1 + 2 fp32", "squared; sums of squares and of x, or x less its mean"),
    Row("reduce_deviation, zero", ALL, "1 + 1 int64", "1 + 1 fp32", "squared; the sum of squares"),
    Row("reduce_l1, zero", ALL, "0 + 2 int32", "0 + 2 fp32", "compared with 0; the sum of magnitudes"),
    Row("reduce_l1", ALL, "0 + 4 int32", "0 + 4 fp32", "less the mean, compared with 0; sums of magnitudes and signs"),
    Row("normalise", ALL, "1 + 2 int32", "1 + 2 fp32", "less the mean, times gamma / spread, plus beta"),
    Row("normalise_rows", ALL, "2 + 2 int32", "2 + 2 fp32", "less the mean, times 1 / spread, times gamma, plus beta"),
    Row("normalise_rows, zero", ALL, "2 + 0 int32", "2 + 0 fp32", "times 1 / spread, times gamma"),
    # Integers, exactly: sums of g and g x, and the mean's share comes off the latter. Floats would lose what cancels.
    Row("reduce_products", ALL, "1 + 2 int64", "1 + 3 fp32", "g x, or g (x - mean); the difference and two sums"),
    Row("reduce_products, zero", ALL, "1 + 1 int64", "1 + 1 fp32", "g x; its sum"),
    Row("reduce_row_products", ALL, "2 + 3 int64", "2 + 3 fp32", "times 1 / spread, too, which no channel shares"),
    Row("reduce_row_products, zero", ALL, "2 + 1 int64", "2 + 1 fp32", "g x, times 1 / spread; its sum"),
    Row("weigh", ALL, "1 + 0 int32", "1 + 0 fp32", "g gamma"),
    # What the extremes take are two additions a chunk: their places are at hand, as taps are in max_pool2d_backward.
    Row("range_norm_backward", ALL, "1 + 1 int32", "1 + 1 fp32", "less the mean, times gamma / spread"),
    Row("range_norm_backward, weighed", ALL, "1 + 1 int32", "1 + 1 fp32", WEIGHED),
    Row("range_norm_backward, zero", ALL, "1 + 0 int32", "1 + 0 fp32", "times 1 / spread, but for one a group"),
    # Three subtractions: mean of g, mean of x, and what of x - mean comes off g.
    Row("batch_norm_backward", ALL, "2 + 3 int32", "2 + 3 fp32", "g - mean - factor (x - mean), times gamma / spread"),
    Row("batch_norm_backward, weighed", ALL, "2 + 3 int32", "2 + 3 fp32", WEIGHED),
    Row("batch_norm_backward, zero", ALL, "2 + 1 int32", "2 + 1 fp32", "g - factor x, times 1 / spread"),
    # Three subtractions and a comparison: g less its centre, x less its mean, the sign of that, the share by it.
    Row(
        "l1_norm_backward", ALL, "1 + 4 int32", "1 + 4 fp32", "g - centre - share sign(x - mean), times gamma / spread"
    ),
    Row("l1_norm_backward, weighed", ALL, "1 + 4 int32", "1 + 4 fp32", WEIGHED),
    Row("l1_norm_backward, zero", ALL, "1 + 2 int32", "1 + 2 fp32", "g - share sign(x), times 1 / spread"),
    Row("track", CHANNELS, "", "2 + 1 fp32", "momentum x old + (1 - momentum) x new"),
    Row("track, inverse", CHANNELS, "", "6 + 4 fp32", "and a reciprocal: Newton's 2 + 1 twice from a look-up"),
    Row("recall_mean", CHANNELS, "", "1 + 0 fp32", "over the scale of x", "int8_range_bn", training=False),
    Row("recall_mean", CHANNELS, "", "0 + 0 fp32", "moved", training=False),
    Row("recall_spread", CHANNELS, "", "4 + 3 fp32", "a reciprocal", "int8_range_bn", training=False),
    Row("requantise", ALL, "1 + 2 int32", "", "times a mantissa; rounded, saturated"),
    Row("requantise", ALL, "1 + 3 int32", "", "and the zero point added", changed=AFFINE),
    Row("requantise, wider", ALL, "1 + 2 int32", "", "more than 32 bits are shifted into a word first", "eyeriss"),
    Row("requantise, narrower", ALL, "1 + 2 int32", "", "few bits take a mantissa of as many as others"),
    Row("requantise", ALL, "1 + 2 int32", "", "a power of two over an unknown scale", changed=POWER),
    Row("quantise", ALL, "", "1 + 2 fp32", "over the scale; rounded, saturated", "int8_range_bn"),
    Row("quantise", ALL, "", "1 + 3 fp32", "and the zero point added", "int8_range_bn", AFFINE),
    Row("quantise", ALL, "", "0 + 2 fp32", "exponents moved; rounded, saturated", "int8_range_bn", POWER),
    Row("quantise", ALL, "", "0 + 2 fp32", "exponents moved; rounded, saturated", "flexpoint"),
    Row("quantise, weights", ALL, "", "0 + 2 fp32", "compared with both thresholds", "int8_range_bn", TERNARY),
    Row("quantise, weights", ALL, "", "0 + 1 fp32", "compared with 0", "int8_range_bn", "numerics.weight=binary"),
    Row("convert", ALL, "", "1 + 2 fp32", "over the scale; rounded, saturated", "fp8_hybrid"),
    Row("convert", ALL, "", "0 + 2 fp32", "exponents moved; rounded, saturated", "fp8_hybrid", POWER),
    Row("convert", ALL, "", "0 + 1 fp32", "rounded: no scale, and the exponents of fp32", "bf16"),
    Row("convert", ALL, "", "0 + 2 fp32", "rounded, and compared with the largest: no scale", "fp16_mixed"),
    Row("convert", ALL, "", "0 + 2 fp32", "exponents moved by the block's; rounded, saturated", "mxfp8"),
    Row("convert", ALL, "", "1 + 2 fp32", "over the block's scale; rounded, saturated", "nvfp4"),
    Row("convert, narrow", ALL, "", "0 + 0 bf16", "moved, as bits are added", "bf16"),
    Row("convert, narrow", ALL, "", "1 + 0 fp32", "times the scale", "fp8_hybrid"),
    Row("convert, blocks", ALL, "", "0 + 2 mxfp8_e4m3", "what is read decides the format", "mxfp8"),
    Row("dequantise", ALL, "1 + 0 fp32", "", "times the scale, which rounds"),
    Row("quantise_bias", CHANNELS, "", "1 + 2 fp32", "over the scale; rounded, saturated", "int8_range_bn"),
    Row("quantise_bias, integers", CHANNELS, "1 + 2 int32", "", "as requantise"),
    Row("quantise_bias, narrow", CHANNELS, "", "0 + 0 bf16", "moved, as bits are added"),
]


def _work(steps: int, text: str) -> Work:
    multiplies, _, adds, format_ = text.split()
    return Work(steps, float(Fraction(multiplies)), float(Fraction(adds)), format_by_name(format_))


def _pair(work: Work) -> str:
    """As rows write it; how often what isn't done in every step is done doesn't matter."""
    return " + ".join(_part(str(Fraction(each).limit_denominator(10**6))) for each in (work.multiplies, work.adds))


def _part(text: str) -> str:
    return re.sub(r"\d+/\d+", "part", text)


@pytest.mark.parametrize(
    ("row", "machine", "work"),
    [pytest.param(row, *case, id=f"{row.call}-{case[0]}-{case[1]}") for row in ROWS for case in row.cases],
)
def test_work_of_an_instruction(root, lane_operation, row, machine, work):
    recipe = load_hwconfig(root / "hwconfigs" / f"{machine}.yaml", [row.changed] if row.changed else []).recipe()
    operation = lane_operation(row.call, recipe, training=row.training)
    assert (operation.opcode, operation.unit in LANES) == (row.opcode, True)
    assert operation.work == _work(row.steps, work), row.why


def test_every_call_has_a_row(lane_calls):
    assert {row.call for row in ROWS} == lane_calls


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
    rows = {(row.opcode, _part(text.rpartition(" ")[0])) for row in ROWS for _, text in row.cases}
    found = {(op.opcode, _pair(op.work)) for program in issued for op in program.operations if op.unit in LANES}
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
            found = {pair for pair in found if "/" not in pair}
            assert not found or found == pairs, (opcode, kind)
    assert stated.keys() == {row.opcode for row in ROWS}
