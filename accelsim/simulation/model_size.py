"""Model size: what a deployed model stores, class by class."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from accelsim.formats import Granularity, Recipe, Role
from accelsim.machine import Parameter

SCALE_BYTES = 4
"""One fp32 scale for each tensor of integers or NVFP4, or for each of its output channels."""


def model_size(parameters: Mapping[str, Parameter], recipe: Recipe) -> pd.DataFrame:
    """One row per class of stored tensor: weights, biases, norm parameters and statistics, scales, zero points.

    Optimizer state and master copies are left out: they belong to training, not to the model.
    """
    groups: dict[Role, list[Parameter]] = {}
    for parameter in parameters.values():
        if parameter.role is not Role.OPTIMIZER_STATE:
            groups.setdefault(parameter.used_as, []).append(parameter)
    rows, scales, zero_points = [], 0, []
    for role, members in groups.items():
        rule = recipe[role]
        sizes = [math.prod(member.shape) for member in members]
        size = sum(rule.format.bytes_for(math.prod(member.shape), member.shape[-1]) for member in members)
        rows.append(_row(str(role), len(members), sum(sizes), str(rule.format), size))
        # A bias has the scale of the accumulators, which the input and weight scales give.
        if (rule.format.is_integer or rule.format.tensor_scaled) and role is not Role.BIAS:
            shared = [member.shape[0] if rule.granularity is Granularity.PER_CHANNEL else 1 for member in members]
            scales += sum(shared)
            if rule.affine:
                count = sum(shared)
                zero_points.append(_row("zero_point", count, count, str(rule.format), rule.format.bytes_for(count)))
    if scales:
        rows.append(_row("scale", scales, scales, "fp32", scales * SCALE_BYTES))
    return pd.DataFrame([*rows, *zero_points])


def _row(class_: str, tensors: int, elements: int, format_: str, size: int) -> dict[str, object]:
    return {"class": class_, "tensors": tensors, "elements": elements, "format": format_, "bytes": size}
