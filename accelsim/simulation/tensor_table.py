"""The dtype table: every tensor that goes into computing and updating a layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from accelsim.formats import FP32, Recipe, Role, Rounding, ScalePolicy
from accelsim.formats.integer_blocks import IntegerBlockFormat
from accelsim.formats.recipe import SCALED_BELOW_BITS, RandomSource
from accelsim.machine.rotary import FRACTION_BITS
from accelsim.program import Operation, Program, TensorSpec, Unit

PRODUCT_SCALE = "product of the operands' scales"
SAME_SCALE = "the input's"

SCALE_RULES: dict[str, str] = {
    "matmul": PRODUCT_SCALE,
    "matmul_backward_data": PRODUCT_SCALE,
    "matmul_backward_weights": PRODUCT_SCALE,
    "conv2d": PRODUCT_SCALE,
    "conv2d_backward_data": PRODUCT_SCALE,
    "conv2d_backward_weights": PRODUCT_SCALE,
    "batched_matmul": PRODUCT_SCALE,
    "quantise_bias": "the accumulators' (input scale x weight scale)",
    "relu": SAME_SCALE,
    "relu_backward": SAME_SCALE,
    "multiply": f"{PRODUCT_SCALE}, x 2^k beyond 32 bits",
    "add": "sum of both ranges / 2^30",
    "add_parameter": "sum of both ranges / 2^30",
    "prepend": "sum of both ranges / 2^30",
    "concat": "larger range / 2^29",
    "slice_channels": SAME_SCALE,
    "gather": "the table's",
    "scatter_add": SAME_SCALE,
    "slice_tokens": SAME_SCALE,
    "slice_tokens_backward": SAME_SCALE,
    "rotary": f"{SAME_SCALE} (one for all channels), x 2 beyond 32 bits",
    "rotary_backward": f"{SAME_SCALE}, x 2 beyond 32 bits",
    "softmax": "fixed: 2^-24",
    "softmax_backward": "gradient scale x probability scale / sqrt(d), x 2^k where 32 bits are too few",
    "gelu": SAME_SCALE,
    "gelu_backward": SAME_SCALE,
    "silu": SAME_SCALE,
    "silu_backward": SAME_SCALE,
    "max_pool2d": SAME_SCALE,
    "max_pool2d_backward": SAME_SCALE,
    "average_pool2d": "the input's / taps",
    "average_pool2d_backward": "the input's / taps",
    "dropout": "the input's / share kept",
    "dropout_backward": "the input's / share kept",
    "reduce_mean": "the input's / 2^8",
    "reduce_range": "the input's x C(n) / chunks",
    "reduce_deviation": "the input's / samples",
    "reduce_l1": "the input's / 2^8 x sqrt(pi/2) / samples",
    "normalise": "fixed: 2^-16",
    "normalise_rows": "fixed: 2^-16",
    "reduce_products": "gradient scale x input scale / 2^8 / spread, per channel or row (beta: the gradient's)",
    "reduce_row_products": "gradient scale x 2^-16 (beta: the gradient's)",
    "weigh": PRODUCT_SCALE,
    "range_norm_backward": "gradient scale x largest gamma/spread / 2^8",
    "batch_norm_backward": "gradient scale x largest gamma/spread / 2^8",
    "l1_norm_backward": "gradient scale x largest gamma/spread / 2^8",
    "reduce_sum": SAME_SCALE,
    "recall_mean": "the input's / 2^8",
    "find_overflow": "none (flag)",
}
"""How the datapath finds the scale of what each opcode makes, where that is an integer."""

ROUNDED_ONCE = {
    "add",
    "add_parameter",
    "prepend",
    "concat",
    "softmax",
    "softmax_backward",
    "rotary",
    "rotary_backward",
    "gelu",
    "gelu_backward",
    "silu",
    "silu_backward",
    "reduce_mean",
    "normalise",
    "normalise_rows",
    "range_norm_backward",
    "batch_norm_backward",
    "l1_norm_backward",
    "recall_mean",
}
"""Opcodes that round half up after a 31-bit multiplier or a division: once (``normalise_rows`` after each of two)."""
ROUNDINGS = {
    Rounding.NEAREST_EVEN: "nearest even",
    Rounding.NEAREST_AWAY: "nearest, half away from zero",
    Rounding.TRUNCATE: "truncated",
}
"""Roundings of a quantiser that round once."""

POLICIES = {
    ScalePolicy.CURRENT: "own largest magnitude this step",
    ScalePolicy.DELAYED: "largest magnitude of the last {steps}",
    ScalePolicy.RUNNING: "running average of largest magnitudes",
}
"""Where a quantiser's range comes from."""

FAMILY_SCALES = {
    "block": "power of two, per block",
    "flexpoint": "power of two, predicted by Autoflex",
    "ternary": "mean magnitude of the kept values",
    "binary": "mean magnitude",
}
"""Scales of the families that have a rule of their own."""

INDICES = (".tap", ".extremes", ".sign_sum")
"""Endings of tensors that hold positions or counts, not values."""


def tensor_table(program: Program, recipe: Recipe, lives_in: Callable[[int], str]) -> pd.DataFrame:
    """One row per tensor of ``program``, a step by ``recipe``; ``lives_in`` tells where a tensor index is kept.

    What recomputation makes again is as it was the first time, and has no row of its own; nor have tensors of a batch's
    later parts that are like one of the first.
    """
    makers = {i: op for op in program.operations for i in op.outputs if not program.tensors[i].persistent}
    first = {i: op for op in reversed(program.operations) for i in (*op.inputs, *op.outputs)}
    listed: dict[str, TensorSpec] = {}
    for tensor in program.tensors:
        if not tensor.again:
            listed.setdefault(tensor.plain_name, tensor)
    rows = [_row(t, recipe, makers.get(t.index), first.get(t.index), lives_in(t.index)) for t in listed.values()]
    return pd.DataFrame(rows)


def _row(
    tensor: TensorSpec, recipe: Recipe, maker: Operation | None, first: Operation | None, place: str
) -> dict[str, Any]:
    shown = maker or first
    return {
        "tensor": tensor.plain_name,
        "role": str(tensor.role),
        "layer": first.layer if first else "",
        "phase": str(shown.phase) if shown else "",
        "shape": "x".join(str(size) for size in tensor.shape),
        "elements": tensor.elements,
        "format": str(tensor.format),
        "bits": tensor.format.bits,
        "bytes": tensor.bytes,
        "scale": _scale(tensor, recipe, maker),
        "rounding": _rounding(tensor, maker),
        "lives_in": place,
        "arithmetic": "integer" if tensor.format.is_integer else "floating point, by choice of the hwconfig",
    }


def _scale(tensor: TensorSpec, recipe: Recipe, maker: Operation | None) -> str:
    if tensor.format.tensor_scaled and maker is not None and "scale" in maker.attributes:
        return f"E4M3, per block; over all {_quantiser_scale(maker)}, fp32"
    if isinstance(tensor.format, IntegerBlockFormat):
        return "largest magnitude of the block / largest code, fp32, per block"
    if tensor.format.family in FAMILY_SCALES:
        return FAMILY_SCALES[tensor.format.family]
    # Narrow accumulators keep the scales of what was multiplied; those of fp32 are multiplied out.
    scaled = tensor.format.bits < (FP32.bits if tensor.role is Role.ACCUMULATOR else SCALED_BELOW_BITS)
    if tensor.format.family == "float" and (not scaled or maker is None):
        return "none (floating point)"
    if maker is None and tensor.role in (Role.ACTIVATION, Role.WEIGHT):
        return "not part of a topology"
    if _is_table(tensor):
        return f"fixed: 2^-{FRACTION_BITS}"
    if tensor.persistent and tensor.format.is_integer:
        headroom = recipe[tensor.role].headroom
        return "power of two, chosen once" + ("" if headroom == 1 else f", with headroom {headroom:g}")
    if maker is None or (tensor.role is Role.INTERNAL and tensor.name.endswith(INDICES)):
        return "none (index)"
    return _quantiser_scale(maker) if "scale" in maker.attributes else SCALE_RULES[maker.opcode]


def _is_table(tensor: TensorSpec) -> bool:
    """Whether it is there from the start and stays as it is: angles of rotary embeddings."""
    return tensor.persistent and tensor.role is Role.INTERNAL


def _quantiser_scale(maker: Operation) -> str:
    """Where the scale of a quantiser's codes comes from, what shares it and how it is held."""
    attributes = maker.attributes
    history = attributes["history"]
    source = POLICIES[ScalePolicy(attributes["scale"])].format(steps="step" if history == 1 else f"{history} steps")
    if attributes["affine"]:
        source = source.replace("largest magnitude", "range").replace("ranges", "range")
    shared = str(attributes["granularity"]).replace("_", " ")
    held = {"float": "", "fixed_point": ", 31-bit mantissa and shift", "power_of_two": ", power of two"}
    divisor = "codes, with a zero point" if attributes["affine"] else "largest code"
    return f"{_times(attributes['headroom'])}{source} / {divisor}, {shared}{held[attributes['scale_form']]}"


def _times(headroom: float) -> str:
    """The factor between largest magnitude and range, before what it multiplies; empty where they are the same."""
    return "" if headroom == 1 else f"{headroom:g} x "


def _rounding(tensor: TensorSpec, maker: Operation | None) -> str:
    if _is_table(tensor):
        return "constants, to nearest"
    if maker is None:
        return "kept between steps" if tensor.persistent else "from the host"
    named = maker.attributes.get("rounding", Rounding.NEAREST)
    if named == Rounding.STOCHASTIC:
        source = ", lfsr" if maker.attributes.get("random_source") == RandomSource.LFSR else ""
        return f"stochastic, {maker.attributes['random_bits']} random bits{source}"
    if named != Rounding.NEAREST:
        return ROUNDINGS[Rounding(named)]
    if not tensor.format.is_integer:
        return "nearest even, after every operation"
    if maker.opcode in ROUNDED_ONCE:
        return "nearest, half up"
    return "nearest" if "rounding" in maker.attributes or maker.unit is Unit.QUANTISE else "exact"
