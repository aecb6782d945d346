"""Model size: what a deployed model stores, class by class."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from accelsim.formats import FP32, Format, Granularity, Recipe, Role, ScaleForm, TensorRule
from accelsim.formats.flexpoint import FlexpointFormat
from accelsim.formats.mx import SCALE_BITS as SCALE_BITS_E8M0
from accelsim.formats.recipe import SCALED_BELOW_BITS
from accelsim.machine import Parameter
from accelsim.program import Program, Unit

SCALE_BITS = FP32.bits
"""One fp32 scale for each tensor of integers, narrow floats or NVFP4, or for each of its output channels."""
EXPONENT_BITS = SCALE_BITS_E8M0
"""A scale that is a power of two: its exponent, with the range of fp32's, in as many bits as MX has for a block's."""


def model_size(
    parameters: Mapping[str, Parameter], recipe: Recipe, readers: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """One row per class of stored tensor, and per rule of it where layers have some of their own: weights, biases, norm
    parameters and statistics, and the scales and zero points of these. Ranges of activations are left out.

    ``readers`` are the layers that read parameters; by default those that these are named after. Optimizer state and
    master copies are left out: they belong to training, not to the model.
    """
    groups: list[tuple[Role, TensorRule, list[Parameter]]] = []
    for parameter in parameters.values():
        if parameter.role is Role.OPTIMIZER_STATE:
            continue
        layer, role = (readers or {}).get(parameter.name, parameter.name.rpartition(".")[0]), parameter.used_as
        rule = recipe.of(layer)[role]
        like = next((members for *known, members in groups if known == [role, rule]), None)
        if like is None:
            groups.append((role, rule, like := []))
        like.append(parameter)
    rows, zero_points = [], []
    scales: dict[tuple[str, int], int] = {}
    for role, rule, members in groups:
        sizes = [math.prod(member.shape) for member in members]
        size = sum(rule.format.bytes_for(math.prod(member.shape), member.shape[-1]) for member in members)
        rows.append(_row(str(role), len(members), sum(sizes), str(rule.format), size))
        # A bias has the scale of the accumulators, which the input and weight scales give.
        if _has_scale(rule.format) and role is not Role.BIAS:
            shared = [member.shape[0] if rule.granularity is Granularity.PER_CHANNEL else 1 for member in members]
            held = _scale_format(rule)
            scales[held] = scales.get(held, 0) + sum(shared)
            if rule.affine:
                count = sum(shared)
                zero_points.append(_row("zero_point", count, count, str(rule.format), rule.format.bytes_for(count)))
    rows += [_row("scale", count, count, name, -(-count * bits // 8)) for (name, bits), count in scales.items()]
    return pd.DataFrame([*rows, *zero_points])


def _has_scale(format_: Format) -> bool:
    """Whether a tensor of the format has a scale, beside those of blocks."""
    return (
        format_.is_integer or format_.tensor_scaled or (format_.family == "float" and format_.bits < SCALED_BELOW_BITS)
    )


def _scale_format(rule: TensorRule) -> tuple[str, int]:
    """How the scale of a tensor is stored, and its bits; Flexpoint's exponent is as wide as the format says."""
    if isinstance(rule.format, FlexpointFormat):
        return f"exponent of {rule.format.exponent_bits} bits", rule.format.exponent_bits
    if rule.scale_form is ScaleForm.POWER_OF_TWO:
        return f"exponent of {EXPONENT_BITS} bits", EXPONENT_BITS
    return str(FP32), SCALE_BITS


def readers(program: Program) -> dict[str, str]:
    """The layer that converts each parameter for its products: not the one that names a table which others share."""
    found = {}
    for operation in program.operations:
        if operation.unit is Unit.QUANTISE and (spec := program.tensors[operation.inputs[0]]).persistent:
            found[spec.name] = operation.layer
    return found


def _row(class_: str, tensors: int, elements: int, format_: str, size: int) -> dict[str, object]:
    return {"class": class_, "tensors": tensors, "elements": elements, "format": format_, "bytes": size}
