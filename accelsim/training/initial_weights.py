"""Values that training starts from in place of random ones: a safetensors file, tensors by their parameters' names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from accelsim.atomic import write_atomically
from accelsim.errors import UserError
from accelsim.formats import Role
from accelsim.machine import Parameter

SCHEMA = "accelsim-weights-1"
SPREAD, INVERSE = ".running_spread", ".running_inverse"
"""A norm unit keeps the one or the other; files hold spreads."""

Values = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Taken:
    """Values for parameters, and what they leave over on either side."""

    values: Values
    drawn: list[str]
    """Parameters that the file doesn't have."""
    unused: list[str]
    """Tensors of the file that are no parameters."""


def save_weights(values: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Write parameters by name, as float32.

    Raises:
        UserError: the file can't be written.
    """
    tensors = {name: np.ascontiguousarray(value, dtype=np.float32) for name, value in values.items()}
    write_atomically(path, safetensors.numpy.save(tensors, {"accelsim": json.dumps({"schema": SCHEMA})}))


def is_weights(path: Path) -> bool:
    """Whether ``save_weights`` wrote the file."""
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            return SCHEMA in (file.metadata() or {}).get("accelsim", "")
    except (OSError, safetensors.SafetensorError):
        return False


def weights_digest(path: Path) -> str:
    """Stands for the file's bytes.

    Raises:
        UserError: it can't be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"initial_weights: {path}: cannot be read: {error.strerror or error}") from error


def take_weights(path: Path, parameters: Mapping[str, Parameter]) -> Taken:
    """Read the values of ``parameters`` that ``path`` has.

    Raises:
        UserError: it is no safetensors file, has none of them, or one of another shape or with values not finite.
    """
    held = _read(path)
    for name in [name for name in held if name.endswith(SPREAD)]:
        inverse = name.removesuffix(SPREAD) + INVERSE
        if inverse in parameters and name not in parameters:
            held[inverse] = np.divide(1, held.pop(name), dtype=np.float32)
    values = {name: held[name] for name in parameters if name in held}
    if not values:
        found, wanted = next(iter(held), "none"), next(iter(parameters), "none")
        raise UserError(f"initial_weights: {path}: has no tensor of the network (it has {found}, not {wanted})")
    for name, value in values.items():
        _check(path, name, value, parameters[name].shape)
    learned = [name for name, parameter in parameters.items() if parameter.role is not Role.OPTIMIZER_STATE]
    drawn = [name for name in learned if name not in values]
    return Taken(values, drawn, sorted(name for name in held if name not in values))


def _read(path: Path) -> Values:
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name).astype(np.float32) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (OSError, ValueError, TypeError, safetensors.SafetensorError) as error:
        raise UserError(f"initial_weights: {path}: not a safetensors file that can be read: {error}") from error


def _check(path: Path, name: str, value: NDArray[np.float32], shape: tuple[int, ...]) -> None:
    if value.shape != shape:
        found, wanted = list(value.shape), list(shape)
        text = f"{name} has shape {found}, but the network's has {wanted}; give that layer another name to draw it anew"
        raise UserError(f"initial_weights: {path}: {text}")
    if not np.isfinite(value).all():
        raise UserError(f"initial_weights: {path}: {name} holds values that are not finite")
