"""The workload file: network, data set, batch, optimizer, schedule, seed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from accelsim.errors import UserError
from accelsim.formats import FP32, float_recipe
from accelsim.layers import LayerError, Layers, Sgd
from accelsim.networks.network import Network
from accelsim.networks.schedule import Schedule
from accelsim.yamlfile import FileModel, load_model

Dimension = Annotated[int, Field(ge=1, le=65535)]


class DatasetField(FileModel):
    """Where the images come from."""

    kind: str
    """digits, fashion_mnist or cifar10."""
    folder: str | None = None
    """Folder of the data set's files, relative to where the command runs; --data overrides it."""


class NetworkField(FileModel):
    """The graph."""

    input_shape: tuple[Dimension, Dimension, Dimension]
    """Height, width and channels of one image."""
    classes: Annotated[int, Field(ge=2, le=65535)]
    """Classes that the loss tells apart."""
    layers: Layers
    """Layers in order: a kind, or a kind with its fields."""


class Workload(FileModel):
    """One network and the recipe that trains it."""

    name: Annotated[str, Field(min_length=1, pattern=r"^[\w.-]+$")]
    """Short name, used for folders and tables."""
    description: str = ""
    """What it is and where its recipe comes from."""
    dataset: DatasetField
    """Images and labels."""
    network: NetworkField
    """Layers."""
    batch_size: Annotated[int, Field(ge=1, le=1_048_576)]
    """Images per training step; what an epoch leaves over is dropped."""
    epochs: Annotated[int, Field(ge=1)]
    """Passes over the training images."""
    optimizer: Sgd
    """How parameters are updated."""
    schedule: Schedule = Schedule()
    """How the learning rate changes."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Of initial weights, order of images and stochastic rounding."""

    def build(self) -> Network:
        """The network with every layer named."""
        return Network(self.network.layers, self.network.input_shape, self.network.classes)


def load_workload(path: Path | str) -> Workload:
    """Read and validate a workload file, shapes included.

    Raises:
        UserError: with file, line, field, what was found and what is allowed.
    """
    from accelsim.yamlfile.marks import read_marked

    workload = load_model(Workload, Path(path))
    try:
        network = workload.build()
        network.trace(float_recipe(FP32), workload.optimizer, workload.batch_size)
    except LayerError as error:
        location = _location(workload, error.layer_name)
        line, column = read_marked(Path(path)).position(location)
        field = ".".join(str(part) for part in location)
        raise UserError(f"{path}:{line}:{column}: {field}: {error}") from error
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    return workload


def _location(workload: Workload, name: str) -> list[str | int]:
    """Path in the file of the layer called ``name`` once the network is named."""

    def search(layers: list, at: list[str | int]) -> list[str | int] | None:  # type: ignore[type-arg]
        for index, layer in enumerate(layers):
            if layer.name == name:
                return [*at, index]
            branches = layer.children()
            for field, branch in zip(("body", "shortcut"), branches, strict=False):
                found = search(branch, [*at, index, field])
                if found:
                    return found
        return None

    return search(workload.build().layers, ["network", "layers"]) or ["network", "layers"]
