"""The two files of a simulation, read and held against each other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from accelsim.errors import UserError, whole
from accelsim.formats import FP32, Recipe, float_recipe
from accelsim.hardware import HardwareConfig, load_hwconfig
from accelsim.networks import Topology, Workload
from accelsim.networks.importers.scalesim_topology import read_topology
from accelsim.networks.layer_numerics import UnmatchedLayerError
from accelsim.networks.workload import MOST_EPOCHS, check_layers, written_out
from accelsim.simulation.blame import blaming
from accelsim.simulation.decides_bits import bits_of
from accelsim.simulation.settings import sorted_settings, without_settings
from accelsim.simulation.workload_check import check_marked_workload, check_workload
from accelsim.yamlfile import override, read_marked, split_setting

LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True)
class Inputs:
    """What is simulated: an accelerator and a workload, with the overrides of this run applied."""

    hw: HardwareConfig
    workload: Workload | Topology

    @property
    def training(self) -> Workload:
        """The workload as what trains.

        Raises:
            UserError: it is a topology, which has neither data nor a loss.
        """
        if isinstance(self.workload, Topology):
            raise UserError(f"{self.workload.name} is a topology, which has nothing to train; give --timing-only")
        return self.workload

    @cached_property
    def recipe(self) -> Recipe:
        """The accelerator's numerics, fitted to the layers of the workload.

        Raises:
            UnmatchedLayerError: an entry of ``numerics.layers`` matches none of them.
        """
        return self.workload.fitted(self.hw.recipe())

    @cached_property
    def described(self) -> dict[str, Any]:
        """Everything that decides a bit of the training (not where files lie or who loads them)."""
        from accelsim.training.initial_weights import weights_digest

        # Options that are not given are left out: a run from before one was known keeps its fingerprint.
        described: dict[str, Any] = {
            "hwconfig": bits_of(self.hw),
            "workload": self.training.model_dump(mode="json", exclude={"name", "description"}, exclude_none=True),
        }
        for field in ("folder", "workers"):
            described["workload"]["dataset"].pop(field, None)
        if described["workload"]["network"]["recompute"] == "none":
            del described["workload"]["network"]["recompute"]
        if described["workload"]["micro_batches"] == 1:
            del described["workload"]["micro_batches"]
        weights = described["workload"].pop("initial_weights", None)
        if weights:
            described["initial_weights"] = weights_digest(Path(weights))
        return described

    @property
    def fingerprint(self) -> str:
        """Stands for ``described``."""
        return hashlib.sha256(json.dumps(self.described, sort_keys=True).encode()).hexdigest()


def read_inputs(
    hwconfig: HardwareConfig | Path | str,
    workload: Workload | Topology | Path | str,
    *,
    epochs: int | None = None,
    seed: int | None = None,
    settings: Sequence[str] = (),
) -> Inputs:
    """Load and check both files, and apply the overrides; ``settings`` are ``path.to.field=value``.

    Raises:
        UserError: a file or an override is wrong.
    """
    epochs, seed = whole("epochs", epochs), whole("seed", seed)
    if epochs is not None and not 1 <= epochs <= MOST_EPOCHS:
        raise UserError(f"epochs must be from 1 to {MOST_EPOCHS}, not {epochs}")
    if seed is not None and not 0 <= seed <= LARGEST_SEED:
        raise UserError(f"seed must be from 0 to {LARGEST_SEED}, not {seed}")
    for_hardware, for_workload = sorted_settings(settings)
    if isinstance(hwconfig, HardwareConfig):
        hw = without_settings(hwconfig, for_hardware)
    else:
        hw = load_hwconfig(hwconfig, for_hardware)
    found = _read_workload(workload, for_workload)
    given = {name: value for name, value in (("epochs", epochs), ("seed", seed)) if value is not None}
    if given and isinstance(found, Topology):
        raise UserError(f"--{next(iter(given))} belongs to training, and {found.name} is a topology; leave it out")
    inputs = Inputs(hw, found.model_copy(update=given))
    check_together(inputs, hwconfig, workload, for_hardware, for_workload)
    return inputs


def check_together(
    inputs: Inputs,
    hwconfig: HardwareConfig | Path | str,
    workload: Workload | Topology | Path | str,
    for_hardware: Sequence[str] = (),
    for_workload: Sequence[str] = (),
) -> None:
    """Hold two valid files, with the settings that were laid over them, against each other.

    Raises:
        UserError: they don't go together; at its line, where it comes from a file.
    """
    if inputs.hw.machines > 1 and isinstance(inputs.workload, Topology):
        text = f"{inputs.hw.name} has a cluster, and {inputs.workload.name} is a topology, which exchanges no gradients"
        if isinstance(hwconfig, HardwareConfig):
            raise UserError(text)
        marked = override(read_marked(Path(hwconfig)), for_hardware)
        raise marked.error(
            ("cluster", "machines"), f"found {inputs.hw.machines}, but {text}; allowed: 1, or no cluster"
        )
    if text := _share_fault(inputs.hw, inputs.workload):
        asked = any(split_setting(setting)[0][0] == "cluster" for setting in for_hardware)
        if asked and not for_workload and not isinstance(hwconfig, HardwareConfig):
            marked = override(read_marked(Path(hwconfig)), for_hardware)
            raise marked.error(("cluster", "machines"), f"found {inputs.hw.machines}, but {text}")
        with blaming(workload, for_workload):
            raise UserError(text)
    _check_shares(inputs, workload, for_workload)
    _check_layer_numerics(inputs, hwconfig, for_hardware)


def check_buffers(inputs: Inputs, hwconfig: Path | str) -> None:
    """Hold the Program against the buffers of the file ``hwconfig``, without timing it.

    Raises:
        UserError: a line for each buffer that is too small, or the hwconfig lacks a unit.
    """
    from accelsim.timing.fit import check_fit

    with blaming(hwconfig):
        check_fit(inputs.workload.trace(inputs.recipe).program, inputs.hw)


def _check_layer_numerics(inputs: Inputs, hwconfig: HardwareConfig | Path | str, settings: Sequence[str]) -> None:
    """Hold the layers that the numerics name against those that there are; ``settings`` were laid over ``hwconfig``.

    Raises:
        UserError: an entry matches none of them; at its line, where the hwconfig comes from a file.
    """
    try:
        inputs.recipe  # noqa: B018 - fits the numerics to the layers
    except UnmatchedLayerError as error:
        if isinstance(hwconfig, HardwareConfig):
            raise
        marked = override(read_marked(Path(hwconfig)), settings)
        location = ("numerics", "layers", error.entry, "match")
        several = isinstance(marked.data["numerics"]["layers"][error.entry]["match"], list)
        raise marked.error((*location, error.place) if several else location, error.text) from error


def _share_fault(hw: HardwareConfig, workload: Workload | Topology) -> str:
    """Why the batch can't be shared out to the machines; empty where it can."""
    if hw.machines == 1 or isinstance(workload, Topology):
        return ""
    parts = hw.machines * workload.micro_batches
    if workload.batch_size % parts == 0:
        return ""
    shares = f"{hw.machines} machines" + (" in micro_batches" if workload.micro_batches > 1 else "")
    return (
        f"batch_size {workload.batch_size} can't be shared out to {shares}; allowed: multiples of {parts}, or "
        "other cluster.machines"
    )


def _check_shares(inputs: Inputs, workload: Workload | Topology | Path | str, settings: Sequence[str] = ()) -> None:
    """Hold the layers against the share of the batch that a machine of a cluster gets.

    Raises:
        UserError: it is too small for one of them; at its line, where it comes from a file.
    """
    if inputs.hw.machines == 1:
        return
    batch = inputs.training.batch_size // inputs.hw.machines
    share = inputs.training.model_copy(update={"batch_size": batch})
    if isinstance(workload, Path | str):
        check_layers(share, written_out(override(read_marked(Path(workload)), settings)))
    else:
        share.trace(float_recipe(FP32))


def _read_workload(workload: Workload | Topology | Path | str, settings: Sequence[str]) -> Workload | Topology:
    if isinstance(workload, Workload):
        return check_workload(without_settings(workload, settings))
    if isinstance(workload, Topology):
        return without_settings(workload, settings)
    path = Path(workload)
    if path.suffix.lower() == ".csv":
        topology = read_topology(path)
        if settings:
            raise UserError(f"--set {settings[0]}: {path} is a topology, which has no such field")
        return topology
    return check_marked_workload(override(read_marked(path), settings))
