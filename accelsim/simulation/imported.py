"""Networks of other tools as workloads: what a model leaves open (data, recipe) is filled in to be edited."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from accelsim.errors import UserError
from accelsim.formats import FP32, float_recipe
from accelsim.layers import Sgd
from accelsim.networks import Workload
from accelsim.networks.dataset_field import DatasetField
from accelsim.networks.importers.onnx import ImportedNetwork, import_onnx, read_model
from accelsim.networks.workload import NetworkField
from accelsim.simulation.workload_check import check_workload

BATCH_SIZE, EPOCHS, LEARNING_RATE = 64, 1, 0.01
"""A recipe to be edited: a model file has none."""


@dataclass(frozen=True, eq=False)
class Imported:
    """A workload, and what was read with it."""

    workload: Workload
    network: ImportedNetwork

    @property
    def comments(self) -> list[str]:
        """What a reader of the workload's file should know."""
        recipe = "The model has no recipe: dataset, batch_size, epochs and optimizer are placeholders to be edited."
        return [recipe, *(f"Note: {note}." for note in self.network.notes)]


def imported_onnx(
    model: Path,
    *,
    name: str | None = None,
    dataset: str | None = None,
    weights: str | None = None,
    input_shape: Sequence[int] | None = None,
) -> Imported:
    """The workload of an ONNX file; ``weights`` is where its values are to be written, None for the network alone.

    Raises:
        UserError: the model can't be read, or something in it has no counterpart.
    """
    found = import_onnx(read_model(model), model, weights=weights is not None, input_shape=input_shape)
    return as_workload(found, name or plain_name(model.stem), f"ONNX model {model.name}.", dataset, weights)


def as_workload(
    network: ImportedNetwork, name: str, description: str, dataset: str | None, weights: str | None
) -> Imported:
    """A workload of ``network``, on the data set called ``dataset`` or one that has such inputs.

    Raises:
        UserError: a name is wrong, or the data set has other images or classes.
    """
    kind = dataset or _fitting(network)
    shape = _shape(network, kind)
    sizes: dict[str, Any] = {"input_shape": shape} if len(shape) == 3 else {"tokens": shape[0]}
    try:
        workload = Workload(
            name=name,
            description=description,
            dataset=DatasetField(kind=kind),
            network=NetworkField(classes=network.classes, layers=network.layers, **sizes),
            batch_size=BATCH_SIZE,
            epochs=EPOCHS,
            optimizer=Sgd(learning_rate=LEARNING_RATE),
            initial_weights=weights,
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    check_workload(workload).trace(float_recipe(FP32))
    return Imported(workload, network)


def plain_name(text: str) -> str:
    """``text`` as a name of a workload."""
    return "".join(letter if letter.isalnum() or letter in "_.-" else "_" for letter in text)[:100] or "network"


def _fitting(network: ImportedNetwork) -> str:
    """A data set with such images and classes; else the one whose file says how large they are."""
    from accelsim.training.datasets import KINDS

    if len(network.shape) == 1:
        return "text"
    fits = [kind for kind in KINDS if kind.image_shape == network.shape and kind.classes in (None, network.classes)]
    return next((kind.name for kind in fits), "npz")


def _shape(network: ImportedNetwork, kind: str) -> tuple[int, ...]:
    """The network's own shape; for rows of features that of grey images with as many pixels, which it flattens."""
    from accelsim.training.datasets import image_shape

    wanted = image_shape(kind)
    rows = len(network.shape) == 3 and network.shape[::2] == (1, 1) and network.layers[0].kind == "flatten"
    if rows and wanted and wanted[-1] == 1 and math.prod(wanted) == network.shape[1]:
        return wanted
    return network.shape
