"""The two files of a simulation, held against each other and against the data set."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from accelsim.errors import UserError
from accelsim.formats import Recipe
from accelsim.hardware import HardwareConfig, load_hwconfig
from accelsim.networks import Workload
from accelsim.networks.workload import MOST_EPOCHS, check_layers
from accelsim.yamlfile import MarkedYaml, read_marked, validated

LARGEST_SEED = 2**32 - 1


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
) -> Inputs:
    """Load and check both files, and apply the overrides.

    Raises:
        UserError: a file or an override is wrong.
    """
    if epochs is not None and not 1 <= epochs <= MOST_EPOCHS:
        raise UserError(f"epochs must be from 1 to {MOST_EPOCHS}, not {epochs}")
    if seed is not None and not 0 <= seed <= LARGEST_SEED:
        raise UserError(f"seed must be from 0 to {LARGEST_SEED}, not {seed}")
    hw = hwconfig if isinstance(hwconfig, HardwareConfig) else load_hwconfig(hwconfig)
    recipe = _checked(workload) if isinstance(workload, Workload) else check_workload(workload)
    overrides = {"epochs": epochs, "seed": seed}
    changed = recipe.model_copy(update={name: value for name, value in overrides.items() if value is not None})
    return Inputs(hw, changed)


def check_workload(path: Path | str) -> Workload:
    """Load a workload file and hold its network against its data set.

    Raises:
        UserError: the file is wrong, or the data set has other images or classes.
    """
    return check_marked_workload(read_marked(Path(path)))


def check_marked_workload(marked: MarkedYaml) -> Workload:
    """``check_workload`` of a file that was read already.

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
