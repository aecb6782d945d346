"""The workload file: network, data set, batch, optimizer, schedule, seed."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from accelsim.formats import FP32, Recipe, float_recipe
from accelsim.layers import (
    LAYERS,
    Layer,
    LayerError,
    Layers,
    LossField,
    OptimizerField,
    clipping,
    exchange,
    loss_scaling,
)
from accelsim.networks.dataset_field import DatasetField
from accelsim.networks.network import Network, Traced, named
from accelsim.networks.recomputation import NONE, RecomputeField, recomputation_fault, with_recomputation
from accelsim.networks.schedule import Schedule
from accelsim.yamlfile import Fault, FileModel, MarkedYaml, Name, expand_blocks, read_marked, refuse, validated

Dimension = Annotated[int, Field(ge=1, le=65535)]
Location = tuple[str | int, ...]
MOST_EPOCHS = 1_000_000
RESERVED = {
    "loss": "the loss",
    clipping.LAYER: "gradient clipping",
    loss_scaling.LAYER: "loss scaling",
    exchange.LAYER: "what a cluster exchanges",
}
"""Names in tables of what is no layer, and what that is; no layer may take them."""


class BlockField(FileModel):
    """Layers that a file uses under a name."""

    parameters: list[str | dict[str, Any]] = Field(default_factory=list)
    """Names, each with ``: default`` after it if it has one; ``$name`` in the layers stands for the value."""
    layers: Annotated[list[Any], Field(min_length=1)]
    """Layers in order, as the network has them."""


class NetworkField(FileModel):
    """The graph."""

    input_shape: tuple[Dimension, Dimension, Dimension] | None = None
    """Height, width and channels of one image."""
    tokens: Dimension | None = None
    """Length of one text, in place of input_shape: the input is so many token ids, and each has a label."""
    classes: Annotated[int, Field(ge=2, le=65535)]
    """Classes that the loss tells apart."""
    layers: Layers
    """Layers in order: a kind, or a kind with its fields; or a block with its parameters."""
    recompute: RecomputeField = NONE
    """Layers that keep nothing of their forward work but their input, and do it again for their backward: none; every
    residual of the outermost list; or N: every N layers of it, repetitions written out, but the last ones."""
    blocks: dict[str, BlockField] = Field(default_factory=dict, exclude=True)
    """Blocks by name. As a file is read, its uses of blocks are written out, so that the network has none."""

    @model_validator(mode="after")
    def _one_input(self) -> NetworkField:
        if self.input_shape is None and self.tokens is None:
            refuse("network", [Fault(("input_shape",), "missing; allowed: a list of 3, or tokens in its place")])
        if self.input_shape is not None and self.tokens is not None:
            text = f"found {self.tokens}, but the input has an input_shape already; leave one of them out"
            refuse("network", [Fault(("tokens",), text)])
        return self

    @model_validator(mode="after")
    def _recomputes_something(self) -> NetworkField:
        if text := recomputation_fault(self.layers, self.recompute):
            refuse("network", [Fault(("recompute",), text)])
        return self

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one input: height, width and channels, or tokens."""
        return self.input_shape or (self.tokens or 0,)


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
    micro_batches: Annotated[int, Field(ge=1, le=1_048_576)] = 1
    """Equal parts that a step takes the batch in, one after the other, before one update with the gradient of all of
    them, in less memory (gradient accumulation)."""
    epochs: Annotated[int, Field(ge=1, le=MOST_EPOCHS)]
    """Passes over the training images."""
    optimizer: OptimizerField
    """How parameters are updated."""
    schedule: Schedule = Schedule()
    """How the learning rate changes."""
    loss: LossField = LossField()
    """What is minimised."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Of initial weights, order of images and stochastic rounding."""
    initial_weights: Annotated[str, Field(min_length=1)] | None = None
    """safetensors file of the values that training starts from, relative to this file; what it lacks is drawn."""

    @model_validator(mode="after")
    def _equal_parts(self) -> Workload:
        if self.batch_size % self.micro_batches:
            text = f"found {self.micro_batches}, which doesn't divide a batch_size of {self.batch_size}; allowed: "
            refuse("workload", [Fault(("micro_batches",), text + _divisors_near(self.micro_batches, self.batch_size))])
        return self

    def build(self) -> Network:
        """The network with every layer named."""
        layers = with_recomputation(self.network.layers, self.network.recompute)
        return Network(layers, self.network.shape, self.network.classes, self.loss.label_smoothing)

    def fitted(self, recipe: Recipe) -> Recipe:
        """``recipe`` with the rules that its entries give the layers.

        Raises:
            UnmatchedLayerError: an entry matches none of them.
        """
        return self.build().fitted(recipe) if recipe.layers else recipe

    def trace(self, recipe: Recipe, *, every_machine: bool = False) -> Traced:
        """The Program of one training step; of a cluster that of one machine, or of ``every_machine``."""
        optimizer, parts = self.optimizer, self.micro_batches
        return self.build().trace(recipe, optimizer, self.batch_size, parts, every_machine=every_machine)


def _divisors_near(wanted: int, number: int) -> str:
    """The divisors of ``number`` on both sides of ``wanted``, in words."""
    divisors = [size for size in range(1, number + 1) if number % size == 0]
    below = [size for size in divisors if size < wanted][-2:]
    above = [size for size in divisors if size > wanted][:2]
    return "its divisors, such as " + ", ".join(map(str, below + above))


def load_workload(path: Path | str) -> Workload:
    """Read and validate a workload file, shapes included.

    Raises:
        UserError: with file, line, field, what was found and what is allowed.
    """
    marked = written_out(read_marked(Path(path)))
    workload = beside(validated(Workload, marked, "workload"), marked.path)
    check_layers(workload, marked)
    return workload


def beside(workload: Workload, path: Path) -> Workload:
    """The workload of the file ``path``, with its weights found from anywhere."""
    if workload.initial_weights is None:
        return workload
    found = os.path.abspath(path.parent / Path(workload.initial_weights).expanduser())
    return workload.model_copy(update={"initial_weights": found})


def written_out(marked: MarkedYaml) -> MarkedYaml:
    """A workload file with the layers of its blocks wherever a block is used.

    Raises:
        UserError: a block, or a use of one, is wrong.
    """
    return expand_blocks(marked, "network", LAYERS)


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
        if name in RESERVED:
            text = f"no layer may be called {name!r}, the name of {RESERVED[name]} in all tables"
            raise marked.error(location, text)
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
