"""The two files of a simulation, held against each other and against the data set."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from accelsim.errors import UserError, expect_list, expect_whole, nearest
from accelsim.formats import Recipe
from accelsim.hardware import HardwareConfig, load_hwconfig
from accelsim.networks import Topology, Workload
from accelsim.networks.importers.scalesim_topology import read_topology
from accelsim.networks.layer_numerics import UnmatchedLayerError
from accelsim.networks.workload import MOST_EPOCHS, beside, check_layers, written_out
from accelsim.simulation.blame import blaming
from accelsim.simulation.decides_bits import bits_of
from accelsim.yamlfile import MarkedYaml, kind_of, override, read_marked, split_setting, validated

LARGEST_SEED = 2**32 - 1
_SPOKEN = {"batch": "batch_size"}
"""What ``--set`` calls a field beside its name in the file."""
M = TypeVar("M", HardwareConfig, Workload, Topology)


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
    expect_whole("epochs", epochs)
    expect_whole("seed", seed)
    if epochs is not None and not 1 <= epochs <= MOST_EPOCHS:
        raise UserError(f"epochs must be from 1 to {MOST_EPOCHS}, not {epochs}")
    if seed is not None and not 0 <= seed <= LARGEST_SEED:
        raise UserError(f"seed must be from 0 to {LARGEST_SEED}, not {seed}")
    for_hardware, for_workload = sorted_settings(settings)
    if isinstance(hwconfig, HardwareConfig):
        hw = _without_settings(hwconfig, for_hardware)
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
    _check_layer_numerics(inputs, hwconfig, for_hardware)


def _check_layer_numerics(inputs: Inputs, hwconfig: HardwareConfig | Path | str, settings: Sequence[str] = ()) -> None:
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


def _read_workload(workload: Workload | Topology | Path | str, settings: Sequence[str]) -> Workload | Topology:
    if isinstance(workload, Workload):
        return check_workload(_without_settings(workload, settings))
    if isinstance(workload, Topology):
        return _without_settings(workload, settings)
    path = Path(workload)
    if path.suffix.lower() == ".csv":
        topology = read_topology(path)
        if settings:
            raise UserError(f"--set {settings[0]}: {path} is a topology, which has no such field")
        return topology
    return check_marked_workload(override(read_marked(path), settings))


def sorted_settings(settings: Sequence[str]) -> tuple[list[str], list[str]]:
    """Settings of the hwconfig and of the workload, told apart by their first field.

    Raises:
        UserError: they are no list, neither file has such a field, or both have.
    """
    expect_list("settings", settings, "numerics.activation.format=int4")
    fields = set(HardwareConfig.model_fields), set(Workload.model_fields)
    found: tuple[list[str], list[str]] = ([], [])
    for setting in map(_by_its_name, settings):
        first = split_setting(setting)[0][0]
        owners = [files for files, names in zip(found, fields, strict=True) if first in names]
        if len(owners) == 2:
            raise UserError(f"--set {setting}: both files have a field {first!r}; edit the file instead")
        if not owners:
            allowed = fields[0] ^ fields[1]
            raise UserError(
                f"--set {setting}: neither file has a field {first!r}{nearest(first, allowed)}; "
                f"allowed: {', '.join(sorted(allowed))}"
            )
        owners[0].append(setting)
    return found


def _by_its_name(setting: str) -> str:
    path, *rest = setting.partition("=")
    return "".join([_SPOKEN.get(path.strip(), path), *rest])


def _without_settings(given: M, settings: Sequence[str]) -> M:
    if settings:
        raise UserError(
            f"--set {settings[0]}: settings change files; this {type(given).__name__} was given as an object"
        )
    return given


def check_marked_workload(marked: MarkedYaml) -> Workload | Topology:
    """Validate a workload or topology that was read already, and hold a network against its data set.

    Raises:
        UserError: the file is wrong, or the data set has other images or classes.
    """
    if kind_of(marked.data) == "topology":
        return validated(Topology, marked, "topology")
    marked = written_out(marked)
    workload = beside(validated(Workload, marked, "workload"), marked.path)
    faults = [str(marked.error(field, text)) for field, text in _dataset_faults(workload)]
    if faults:
        raise UserError("\n".join(faults))
    check_layers(workload, marked)
    return workload


def check_workload(workload: Workload) -> Workload:
    """A workload that comes from no file, held against its data set.

    Raises:
        UserError: the data set has other images or classes.
    """
    faults = [f"workload {workload.name}: {'.'.join(field)}: {text}" for field, text in _dataset_faults(workload)]
    if faults:
        raise UserError("\n".join(faults))
    return workload


def _dataset_faults(workload: Workload) -> list[tuple[tuple[str, ...], str]]:
    """Field and sentence of all that the network and the data set don't have in common."""
    from accelsim.training.datasets import dataset_kind, network_shape, option_faults

    network, field = workload.network, workload.dataset
    try:
        kind = dataset_kind(field.kind)
    except UserError as error:
        return [(("dataset", "kind"), str(error))]
    faults = [*option_faults(kind, field, network.shape[2] if network.input_shape else None)]
    wanted = network_shape(kind, field)
    if kind.texts:
        if network.tokens is None:
            text = f"found an image, but {kind.name} has texts; give network.tokens in its place"
            faults.append((("network", "input_shape"), text))
    elif network.input_shape is None:
        text = f"found {list(network.shape)}, but {kind.name} has images; give network.input_shape in its place"
        faults.append((("network", "tokens"), text))
    elif wanted not in (None, network.input_shape):
        padded, shape = " with dataset.pad" if field.pad else "", list(wanted or ())
        text = f"found {list(network.shape)}, but the images of {kind.name}{padded} are {shape}"
        faults.append((("network", "input_shape"), f"{text} (height, width, channels)"))
    if kind.classes is not None and kind.classes != network.classes:
        faults.append((("network", "classes"), f"found {network.classes}, but {kind.name} has {kind.classes} classes"))
    return faults
