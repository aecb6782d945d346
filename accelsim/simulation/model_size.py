"""Model size: what a deployed model stores, class by class."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from accelsim.formats import Recipe, Role
from accelsim.machine import Parameter

SCALE_BYTES = 4
"""One fp32 scale for each integer tensor."""


def model_size(parameters: Mapping[str, Parameter], recipe: Recipe) -> pd.DataFrame:
    """One row per class of stored tensor: weights, biases, norm parameters and statistics, scales.

    Optimizer state and master copies are left out: they belong to training, not to the model.
    """
    groups: dict[Role, list[Parameter]] = {}
    for parameter in parameters.values():
        if parameter.role is not Role.OPTIMIZER_STATE:
            groups.setdefault(parameter.used_as, []).append(parameter)
    rows, scaled = [], 0
    for role, members in groups.items():
        format_ = recipe[role].format
        sizes = [math.prod(member.shape) for member in members]
        # A bias has the scale of the accumulators, which the input and weight scales give.
        scaled += len(members) if format_.is_integer and role is not Role.BIAS else 0
        size = sum(format_.bytes_for(count) for count in sizes)
        rows.append(_row(str(role), len(members), sum(sizes), str(format_), size))
    if scaled:
        rows.append(_row("scale", scaled, scaled, "fp32", scaled * SCALE_BYTES))
    return pd.DataFrame(rows)


def _row(class_: str, tensors: int, elements: int, format_: str, size: int) -> dict[str, object]:
    return {"class": class_, "tensors": tensors, "elements": elements, "format": format_, "bytes": size}
