"""The two files of a simulation, held against each other and against the data set."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from accelsim.errors import UserError, nearest
from accelsim.formats import Recipe
from accelsim.hardware import HardwareConfig, load_hwconfig
from accelsim.networks import Workload
from accelsim.networks.workload import MOST_EPOCHS, check_layers
from accelsim.yamlfile import MarkedYaml, override, read_marked, split_setting, validated

LARGEST_SEED = 2**32 - 1
M = TypeVar("M", HardwareConfig, Workload)


@dataclass(frozen=True)
class Inputs:
    """What is simulated: an accelerator and a workload, with the overrides of this run applied."""

    hw: HardwareConfig
    workload: Workload

    @property
    def recipe(self) -> Recipe:
        return self.hw.recipe()

    @property
    def fingerprint(self) -> str:
        """Stands for everything that decides a bit of the training (not for where the data lies)."""
        described = {
            "hwconfig": self.hw.model_dump(mode="json", include={"numerics", "norm_unit", "mac_array"}),
            "workload": self.workload.model_dump(mode="json", exclude={"name", "description"}),
        }
        described["workload"]["dataset"].pop("folder")
        return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def read_inputs(
    hwconfig: HardwareConfig | Path | str,
    workload: Workload | Path | str,
    *,
    epochs: int | None = None,
    seed: int | None = None,
    settings: Sequence[str] = (),
) -> Inputs:
    """Load and check both files, and apply the overrides; ``settings`` are ``path.to.field=value``.

    Raises:
        UserError: a file or an override is wrong.
    """
    if epochs is not None and not 1 <= epochs <= MOST_EPOCHS:
        raise UserError(f"epochs must be from 1 to {MOST_EPOCHS}, not {epochs}")
    if seed is not None and not 0 <= seed <= LARGEST_SEED:
        raise UserError(f"seed must be from 0 to {LARGEST_SEED}, not {seed}")
    for_hardware, for_workload = _sorted(settings)
    if isinstance(hwconfig, HardwareConfig):
        hw = _without_settings(hwconfig, for_hardware)
    else:
        hw = load_hwconfig(hwconfig, for_hardware)
    if isinstance(workload, Workload):
        recipe = _checked(_without_settings(workload, for_workload))
    else:
        recipe = check_marked_workload(override(read_marked(Path(workload)), for_workload))
    overrides = {"epochs": epochs, "seed": seed}
    changed = recipe.model_copy(update={name: value for name, value in overrides.items() if value is not None})
    return Inputs(hw, changed)


def _sorted(settings: Sequence[str]) -> tuple[list[str], list[str]]:
    """Settings of the hwconfig and of the workload, told apart by their first field.

    Raises:
        UserError: neither file has such a field, or both have.
    """
    fields = set(HardwareConfig.model_fields), set(Workload.model_fields)
    found: tuple[list[str], list[str]] = ([], [])
    for setting in settings:
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


def _without_settings(given: M, settings: Sequence[str]) -> M:
    if settings:
        raise UserError(
            f"--set {settings[0]}: settings change files; this {type(given).__name__} was given as an object"
        )
    return given


def check_marked_workload(marked: MarkedYaml) -> Workload:
    """Validate a workload file that was read already, and hold its network against its data set.

    Raises:
        UserError: the file is wrong, or the data set has other images or classes.
    """
    workload = validated(Workload, marked, "workload")
    faults = [str(marked.error(field, text)) for field, text in _dataset_faults(workload)]
    if faults:
        raise UserError("\n".join(faults))
    check_layers(workload, marked)
    return workload


def _checked(workload: Workload) -> Workload:
    """A workload that comes from no file, held against its data set."""
    faults = [f"workload {workload.name}: {'.'.join(field)}: {text}" for field, text in _dataset_faults(workload)]
    if faults:
        raise UserError("\n".join(faults))
    return workload


def _dataset_faults(workload: Workload) -> list[tuple[tuple[str, ...], str]]:
    """Field and sentence of all that the network and the data set don't have in common."""
    from accelsim.training.datasets import dataset_kind

    network = workload.network
    try:
        kind = dataset_kind(workload.dataset.kind)
    except UserError as error:
        return [(("dataset", "kind"), str(error))]
    faults: list[tuple[tuple[str, ...], str]] = []
    if kind.image_shape != network.input_shape:
        found, wanted = list(network.input_shape), list(kind.image_shape)
        text = f"found {found}, but the images of {kind.name} are {wanted} (height, width, channels)"
        faults.append((("network", "input_shape"), text))
    if kind.classes != network.classes:
        faults.append((("network", "classes"), f"found {network.classes}, but {kind.name} has {kind.classes} classes"))
    return faults
