"""The graph of a network: named layers, one forward, one whole training step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from accelsim.errors import UserError
from accelsim.formats import FP32, Recipe, Role, float_recipe, integer
from accelsim.layers import Backward, Layer, LayerError, Loss, Optimizer, run, softmax_cross_entropy
from accelsim.machine import Machine, Parameter, Tensor
from accelsim.networks.embeddings import check_embeddings
from accelsim.networks.layer_numerics import fitted, named_layers
from accelsim.program import Phase, Program, machine_suffix, part_suffix
from accelsim.tracing import Tracer

LABEL = integer(16, signed=False)


@dataclass(frozen=True)
class Traced:
    """A traced training step and the parameters that it asked for."""

    program: Program
    parameters: dict[str, Parameter]


class Outcome(NamedTuple):
    """Mean loss (1,), and the logits as the loss saw them (rows, classes)."""

    loss: Tensor
    logits: Tensor


class Network:
    """Layers with unique names, an input shape and a number of classes.

    The shape is (height, width, channels) of an image, or (tokens,) of a text, which has a label for each token.
    """

    def __init__(
        self, layers: Sequence[Layer], input_shape: tuple[int, ...], classes: int, label_smoothing: float = 0.0
    ) -> None:
        self.layers = named(layers)
        check_embeddings(self.layers, input_shape)
        self.input_shape = input_shape
        self.classes = classes
        self.label_smoothing = label_smoothing

    def forward(self, m: Machine, images: Any, labels: Any, batch: int) -> Outcome:
        """Forward and loss only, for evaluation; ``images`` (or token ids) and ``labels`` are None when tracing."""

        def issue() -> tuple[Tensor, Tensor]:
            loss, _ = self._forward(m, images, labels, batch)
            return loss.loss, loss.logits

        return Outcome(*m.repeated((self, batch), self._given(images, labels), issue))

    def train_step(self, m: Machine, optimizer: Optimizer, images: Any, labels: Any, batch: int) -> Outcome:
        """Issue one whole training step: forward, loss, backward, update.

        Raises:
            LayerError: a layer can't take the shape that reaches it.
        """
        (outcome,) = self.train_in_parts(m, optimizer, images, labels, batch, 1)
        return outcome

    def train_in_parts(
        self, m: Machine, optimizer: Optimizer, images: Any, labels: Any, batch: int, parts: int
    ) -> list[Outcome]:
        """A training step whose ``batch`` comes in equal ``parts``: forward, loss and backward of each consecutive one,
        then one update with the mean gradient of all; the outcome of each, in order.

        Where the recipe is that of a cluster, each machine takes its share of the batch in ``parts``, one after the
        other of those whose work the interpreter does.

        Raises:
            LayerError: a layer can't take the shape that reaches it.
        """
        machines = m.recipe.machines
        size = batch // (machines * parts)
        places = [(machine, part) for machine in m.working(machines) for part in range(1, parts + 1)]
        starts = range(0, size * len(places), size)
        given = [(_slice(images, start, size), _slice(labels, start, size)) for start in starts]

        def issue() -> tuple[Tensor, ...]:
            left: list[Tensor] = []
            for (machine, part), brought in zip(places, given, strict=True):
                with m.replica(machine), m.part(part, parts):
                    left += self._there_and_back(m, *brought, size)
            optimizer.step(m)
            return tuple(left)

        by_name = {
            name + machine_suffix(machine) + part_suffix(part): data
            for (machine, part), brought in zip(places, given, strict=True)
            for name, data in self._given(*brought).items()
        }
        left = m.repeated((self, batch, optimizer, parts), by_name, issue)
        return [Outcome(*pair) for pair in zip(left[::2], left[1::2], strict=True)]

    def fitted(self, recipe: Recipe) -> Recipe:
        """``recipe`` with the rules that its entries give these layers.

        Raises:
            UnmatchedLayerError: an entry matches none of them.
        """
        return fitted(recipe, named_layers(self.layers), self._ends)

    def _ends(self) -> tuple[str, str]:
        """The first and the last layer with a matrix product."""
        tracer = Tracer(float_recipe(FP32))
        tracer.begin(training=False)
        self.forward(tracer, None, None, 2)  # a batch norm needs two
        products = [operation.layer for operation in tracer.program.operations if operation.gemms]
        owners = {scope: layer.name for layer in _all(self.layers) for scope in layer.scopes()}
        if not products:
            raise UserError("no layer has a matrix product, so none is the first or the last; leave these words out")
        return owners[products[0]], owners[products[-1]]

    def trace(
        self, recipe: Recipe, optimizer: Optimizer, batch: int, parts: int = 1, *, every_machine: bool = False
    ) -> Traced:
        """The Program of one training step with ``batch`` images in equal ``parts``; of a cluster, of its first machine
        with its share of them, or as one computer does the work of ``every_machine``, one after the other.

        Raises:
            UnmatchedLayerError: an entry of the recipe matches no layer.
            LayerError: a layer can't take the shape that reaches it, or none has parameters.
        """
        tracer = Tracer(self.fitted(recipe), every_machine=every_machine)
        self.train_in_parts(tracer, optimizer, None, None, batch, parts)
        if not tracer.parameters:
            raise LayerError(self.layers[-1], "ends a network without parameters, so that there is nothing to train")
        return Traced(tracer.program, tracer.parameters)

    @property
    def _reads_text(self) -> bool:
        return len(self.input_shape) == 1

    def _given(self, images: Any, labels: Any) -> dict[str, Any]:
        return {"tokens" if self._reads_text else "images": images, "labels": labels}

    def _there_and_back(self, m: Machine, images: Any, labels: Any, batch: int) -> tuple[Tensor, Tensor]:
        """Forward, loss and backward, of which only loss and logits are left."""
        loss, backward = self._forward(m, images, labels, batch)
        with m.scope(phase=Phase.DATA_GRADIENT):
            backward(loss.backward())
        return loss.loss, loss.logits

    def _forward(self, m: Machine, images: Any, labels: Any, batch: int) -> tuple[Loss, Backward]:
        text = self._reads_text
        rows = (batch, *self.input_shape) if text else (batch,)
        name, format_ = ("tokens", LABEL) if text else ("images", FP32)
        x = m.external(name, (batch, *self.input_shape), format_, Role.INPUT, images)
        y = m.external("labels", rows, LABEL, Role.LABEL, labels)
        with m.scope(phase=Phase.FORWARD):
            out, backward = run(m, self.layers, x)
            last = self.layers[-1]
            if out.shape != (*rows, self.classes):
                wanted = "batch, tokens" if text else "batch"
                problem = f"ends the network with shape {out.shape}, but the loss needs ({wanted}, {self.classes})"
                raise LayerError(last, problem)
            with m.scope("loss"):
                loss = softmax_cross_entropy(m, out, y, self.label_smoothing)
        return loss, backward


def _slice(x: Any, start: int, size: int) -> Any:
    return None if x is None else x[start : start + size]


def named(layers: Sequence[Layer], counts: Counter[str] | None = None) -> list[Layer]:
    """Give every layer, branches included, a unique name: its own, or kind and running number.

    Raises:
        UserError: two layers have the same name.
    """
    outermost = counts is None
    counts = Counter() if counts is None else counts
    result = []
    for layer in layers:
        name = layer.name
        if not name:
            counts[layer.kind] += 1
            name = f"{layer.kind}{counts[layer.kind]}"
        branches = [named(branch, counts) for branch in layer.children()]
        result.append(layer.with_children(branches).model_copy(update={"name": name}))
    if outermost:
        twice = [name for name, count in Counter(layer.name for layer in _all(result)).items() if count > 1]
        if twice:
            raise UserError(f"two layers are called {twice[0]!r}; names must be unique")
    return result


def _all(layers: Sequence[Layer]) -> list[Layer]:
    inner = [found for layer in layers for branch in layer.children() for found in _all(branch)]
    return [*layers, *inner]
