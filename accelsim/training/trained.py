"""Trained values for a machine that may be another than the one that trained them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
from numpy.typing import NDArray

from accelsim.datapath import ScaleState
from accelsim.errors import UserError
from accelsim.formats import IntegerFormat, Recipe, Role
from accelsim.machine import Parameter
from accelsim.training.checkpoint import Progress, read_checkpoint
from accelsim.training.initial_weights import INVERSE, SCHEMA, SPREAD
from accelsim.training.state import State, held


@dataclass(frozen=True)
class Trained:
    """Tensors by name as a file has them, with what a checkpoint knows beside them."""

    path: Path
    tensors: dict[str, NDArray[Any]]
    scales: ScaleState = field(default_factory=ScaleState)
    progress: Progress = field(default_factory=Progress)


def read_trained(path: Path, *, of_run: bool = False) -> Trained:
    """Read a checkpoint, or unless it is ``of_run`` a safetensors file of values alone.

    Raises:
        UserError: it is missing, or neither.
    """
    if not path.is_file():
        raise UserError(f"{path}: {'is a folder, not a file' if path.is_dir() else 'there is no such file'}")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            ours = (file.metadata() or {}).get("accelsim")
            if not of_run and (ours is None or SCHEMA in ours):
                tensors = {name: file.get_tensor(name).astype(np.float32) for name in file.keys()}  # noqa: SIM118
                return Trained(path, tensors)
    except (OSError, ValueError, TypeError, safetensors.SafetensorError) as error:
        raise UserError(f"{path}: not a safetensors file that can be read ({error})") from error
    checkpoint = read_checkpoint(path)
    return Trained(path, checkpoint.state, checkpoint.scales, checkpoint.progress)


def fitted(trained: Trained, parameters: Mapping[str, Parameter], recipe: Recipe) -> tuple[State, ScaleState]:
    """The state of a machine that has ``recipe``, without the optimizer's, and what its quantisers remember.

    Values that the machine holds as they are stay as they are, codes included; others are rounded to its formats.

    Raises:
        UserError: the file holds another network.
    """
    known = _respelt(trained.tensors, parameters)
    wanted = {name: found for name, found in parameters.items() if found.role is not Role.OPTIMIZER_STATE}
    _check_network(trained.path, known, wanted)
    state, exponents = {}, {}
    for name, parameter in wanted.items():
        value, exponent = known[name], trained.scales.fixed_point.get(name)
        format_ = recipe[parameter.role].format
        if exponent is not None and _are_codes(value, format_):
            state[name], exponents[name] = value, exponent
            continue
        real = value.astype(np.float64) * 2.0 ** -(exponent or 0)
        state[name] = held(real.astype(np.float32), format_)
    return state, replace(trained.scales, fixed_point=exponents)


def _are_codes(value: NDArray[Any], format_: Any) -> bool:
    """Whether a machine that keeps ``format_`` could have kept these codes."""
    if not isinstance(format_, IntegerFormat) or value.dtype != format_.storage:
        return False
    return bool(value.size == 0 or (value.min() >= format_.min_code and value.max() <= format_.max_code))


def _respelt(tensors: Mapping[str, NDArray[Any]], parameters: Mapping[str, Parameter]) -> dict[str, NDArray[Any]]:
    """Running spreads as the norm unit keeps them: it has the spread itself, or its inverse."""
    known = dict(tensors)
    for have, want in ((SPREAD, INVERSE), (INVERSE, SPREAD)):
        for name in tensors:
            other = name.removesuffix(have) + want
            if name.endswith(have) and other in parameters and other not in tensors:
                value = known.pop(name)
                known[other] = np.divide(1, value, out=np.zeros_like(value), where=value != 0)
    return known


def _check_network(path: Path, known: Mapping[str, NDArray[Any]], wanted: Mapping[str, Parameter]) -> None:
    for name, parameter in wanted.items():
        if name not in known:
            raise UserError(f"{path}: holds another network: it has no {name}")
        if known[name].shape != parameter.shape:
            found, needed = list(known[name].shape), list(parameter.shape)
            raise UserError(f"{path}: holds another network: {name} has shape {found}, and the workload's {needed}")
    # A tensor that is named after a parameter is the optimizer's.
    left = [name for name in known if name not in wanted and name.rpartition(".")[0] not in wanted]
    if left:
        raise UserError(f"{path}: holds another network: the workload has no {left[0]}")
