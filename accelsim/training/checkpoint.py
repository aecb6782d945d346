"""Checkpoints: one safetensors file that a run can go on from, bit for bit."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import safetensors.numpy

from accelsim.atomic import write_atomically
from accelsim.datapath import ScaleState
from accelsim.errors import UserError
from accelsim.training.changes import changed_fields
from accelsim.training.state import State

SCHEMA = "accelsim-checkpoint-2"
_UNKNOWN = "hwconfig, workload, seed or batch differ"


@dataclass
class Progress:
    """Where a training stands: steps done, their losses and accuracies as far as not yet logged, rows logged.

    Those of a last step that is logged for being the last alone are still pending: a run that goes on logs others.
    """

    step: int = 0
    pending: list[float] = field(default_factory=list)
    pending_accuracies: list[float] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Checkpoint:
    """Tensors by name, the quantisers' scale state, progress, and the run that it belongs to.

    ``described`` has everything that decides a bit of that run, and ``fingerprint`` stands for it; checkpoints from
    before it was kept have none.
    """

    state: State
    scales: ScaleState
    progress: Progress
    fingerprint: str
    described: dict[str, Any] = field(default_factory=dict)


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write atomically; floats in the metadata are written so that they read back exactly."""
    described: dict[str, Any] = {
        "schema": SCHEMA,
        "fingerprint": checkpoint.fingerprint,
        "scales": checkpoint.scales.to_plain(),
        "progress": vars(checkpoint.progress),
        "run": checkpoint.described,
    }
    tensors = {name: array if array.flags.c_contiguous else array.copy() for name, array in checkpoint.state.items()}
    described["crc32"] = _crc32(described, tensors)
    # One key: safetensors writes several in an order that changes from run to run.
    metadata = {"accelsim": json.dumps(described)}
    write_atomically(path, safetensors.numpy.save(tensors, metadata))


def load_checkpoint(
    path: Path,
    fingerprint: str,
    described: dict[str, Any],
    brought_up: Callable[[dict[str, Any]], dict[str, Any]] = dict,
) -> Checkpoint:
    """Read a checkpoint of the run that ``fingerprint`` stands for; ``described`` tells what differs in another.

    ``brought_up`` puts an older checkpoint's description of its run into today's words.

    Raises:
        UserError: the file is broken, or belongs to another hwconfig, workload or seed.
    """
    try:
        checkpoint = read_checkpoint(path)
    except UserError as error:
        raise UserError(f"{error}; delete it to start over") from error
    if checkpoint.fingerprint != fingerprint:
        before = brought_up(checkpoint.described)
        changed = changed_fields(_fields(before), _fields(described)) if before else _UNKNOWN
        if changed:
            raise UserError(f"{path}: belongs to another run: {changed}; give the same ones, or another --out")
        checkpoint.fingerprint, checkpoint.described = fingerprint, described
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
        crc32 = described.pop("crc32", None)  # none from before it was kept
        if crc32 is not None and crc32 != _crc32(described, state):
            raise ValueError("its bytes are not those that were written")
        described["progress"].pop("quantisers", None)  # older ones have the quantisers' last counts here
        progress, scales = Progress(**described["progress"]), ScaleState.from_plain(described["scales"])
        return Checkpoint(state, scales, progress, str(described["fingerprint"]), dict(described.get("run", {})))
    except KeyError as error:
        raise UserError(f"{path}: not a checkpoint that can be read (it has no field {error})") from error
    except (OSError, AttributeError, TypeError, ValueError, safetensors.SafetensorError) as error:
        raise UserError(f"{path}: not a checkpoint that can be read ({error})") from error


def _crc32(described: dict[str, Any], state: State) -> int:
    """Checksum of what a checkpoint says and of every tensor's name, type, shape and bytes."""
    found = zlib.crc32(json.dumps(described).encode())
    for name in sorted(state):
        array = state[name]
        found = zlib.crc32(f"{name} {array.dtype.str} {array.shape}".encode(), found)
        found = zlib.crc32(array.reshape(-1).view("u1").data, found)
    return found


def _fields(described: dict[str, Any]) -> dict[str, Any]:
    """What decides the bits of a run, by the names that fields have in its files."""
    files = (described.get(name, {}) for name in ("hwconfig", "workload"))
    others = {name: value for name, value in described.items() if name not in ("hwconfig", "workload")}
    return {**{name: value for fields in files for name, value in fields.items()}, **others}
