"""What a layer asks the machine to keep between steps: weights, norm parameters, running statistics."""

from __future__ import annotations

from dataclasses import dataclass

from accelsim.formats import Role


@dataclass(frozen=True)
class Parameter:
    """A persistent tensor. Initial values are drawn from N(0, std) where ``std`` > 0, else all are ``fill``.

    ``used_as`` is the role in which the layer consumes it (weight, bias, norm_parameter) and names what a
    deployed model stores.
    """

    name: str
    shape: tuple[int, ...]
    used_as: Role
    role: Role = Role.MASTER_WEIGHT
    fill: float = 0.0
    std: float = 0.0
