"""Checkpoints: one safetensors file that a run can go on from, bit for bit."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.numpy

from accelsim.atomic import write_atomically
from accelsim.datapath import ScaleState
from accelsim.errors import UserError
from accelsim.training.state import State

SCHEMA = "accelsim-checkpoint-2"


@dataclass
class Progress:
    """Where a training stands: steps done, losses not yet logged, rows logged, the quantisers' last counts."""

    step: int = 0
    pending: list[float] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    quantisers: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Checkpoint:
    """Tensors by name, the quantisers' scale state, progress, and the fingerprint of the run that it belongs to."""

    state: State
    scales: ScaleState
    progress: Progress
    fingerprint: str


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write atomically; floats in the metadata are written so that they read back exactly."""
    described = {
        "schema": SCHEMA,
        "fingerprint": checkpoint.fingerprint,
        "scales": checkpoint.scales.to_plain(),
        "progress": vars(checkpoint.progress),
    }
    # One key: safetensors writes several in an order that changes from run to run.
    metadata = {"accelsim": json.dumps(described)}
    tensors = {name: array if array.flags.c_contiguous else array.copy() for name, array in checkpoint.state.items()}
    write_atomically(path, safetensors.numpy.save(tensors, metadata))


def load_checkpoint(path: Path, fingerprint: str) -> Checkpoint:
    """Read a checkpoint of the run that ``fingerprint`` stands for.

    Raises:
        UserError: the file is broken, or belongs to another hwconfig, workload or seed.
    """
    try:
        checkpoint = read_checkpoint(path)
    except UserError as error:
        raise UserError(f"{error}; delete it to start over") from error
    if checkpoint.fingerprint != fingerprint:
        raise UserError(
            f"{path}: belongs to another run: hwconfig, workload, seed or batch differ; "
            "give the same ones, or another --out"
        )
    return checkpoint


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint, whosever it is.

    Raises:
        UserError: the file is broken, or no checkpoint.
    """
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            described = json.loads((file.metadata() or {})["accelsim"])
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        progress, scales = Progress(**described["progress"]), ScaleState.from_plain(described["scales"])
        return Checkpoint(state, scales, progress, str(described["fingerprint"]))
    except (OSError, KeyError, TypeError, ValueError, safetensors.SafetensorError) as error:
        raise UserError(f"{path}: not a checkpoint that can be read ({error})") from error
