"""The workload file: network, data set, batch, optimizer, schedule, seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from accelsim.formats import FP32, Recipe, float_recipe
from accelsim.layers import Layer, LayerError, Layers, Sgd
from accelsim.networks.network import Network, Traced, named
from accelsim.networks.schedule import Schedule
from accelsim.yamlfile import Allowed, FileModel, MarkedYaml, Name, read_marked, validated

Dimension = Annotated[int, Field(ge=1, le=65535)]
Location = tuple[str | int, ...]
MOST_EPOCHS = 1_000_000
RESERVED = "loss"
"""Name of the loss in tables, which no layer may take."""


class DatasetField(FileModel):
    """Where the images come from."""

    kind: Annotated[str, Allowed("digits, fashion_mnist, cifar10, imagenet_folder")]
    """digits, fashion_mnist, cifar10 or imagenet_folder."""
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

    name: Name
    """Short name, used for folders and tables."""
    description: str = ""
    """What it is and where its recipe comes from."""
    dataset: DatasetField
    """Images and labels."""
    network: NetworkField
    """Layers."""
    batch_size: Annotated[int, Field(ge=1, le=1_048_576)]
    """Images per training step; what an epoch leaves over is dropped."""
    epochs: Annotated[int, Field(ge=1, le=MOST_EPOCHS)]
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

    def trace(self, recipe: Recipe) -> Traced:
        """The Program of one training step."""
        return self.build().trace(recipe, self.optimizer, self.batch_size)


def load_workload(path: Path | str) -> Workload:
    """Read and validate a workload file, shapes included.

    Raises:
        UserError: with file, line, field, what was found and what is allowed.
    """
    marked = read_marked(Path(path))
    workload = validated(Workload, marked, "workload")
    check_layers(workload, marked)
    return workload


def check_layers(workload: Workload, marked: MarkedYaml) -> None:
    """Hold layers against each other: names and shapes; ``marked`` is the file that ``workload`` came from.

    Raises:
        UserError: at the line of the layer to blame.
    """
    places = list(_places(named(workload.network.layers, Counter()), ("network", "layers")))
    seen: dict[str, Location] = {}
    for name, location in places:
        if name in seen:
            line = marked.position(seen[name])[0]
            raise marked.error(location, f"two layers are called {name!r} (first on line {line}); names must be unique")
        if name == RESERVED:
            raise marked.error(location, f"no layer may be called {RESERVED!r}, the name of the loss in all tables")
        seen[name] = location
    try:
        workload.trace(float_recipe(FP32))
    except LayerError as error:
        raise marked.error(seen.get(error.layer_name, ("network", "layers")), str(error)) from error


def _places(layers: Sequence[Layer], at: Location) -> Iterator[tuple[str, Location]]:
    """Name and location in the file of every layer, branches included."""
    for index, layer in enumerate(layers):
        here = (*at, index)
        yield layer.name, here
        for field, branch in zip(layer.child_fields(), layer.children(), strict=True):
            yield from _places(branch, (*here, layer.kind, field))
