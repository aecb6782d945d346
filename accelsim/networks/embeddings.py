"""Where token ids go: to an embedding, and back through a table that the network has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from accelsim.errors import nearest
from accelsim.layers import Embedding, Layer, LayerError, Recompute, Repeat, Unembedding


def check_embeddings(layers: Sequence[Layer], input_shape: tuple[int, ...]) -> None:
    """Hold the embeddings of named ``layers`` against the network's input and against each other.

    Raises:
        LayerError: token ids don't go to an embedding, or an unembedding's is missing or of another size.
    """
    first = _first(layers[0])
    if len(input_shape) == 1 and not isinstance(first, Embedding):
        raise LayerError(first, "takes values, but the network's input is token ids; put embedding before it")
    everything = list(_all(layers))
    tables = {layer.name: layer for layer in everything if isinstance(layer, Embedding)}
    for layer in everything:
        if isinstance(layer, Unembedding):
            _check_table(layer, tables)


def _check_table(layer: Unembedding, tables: dict[str, Embedding]) -> None:
    if layer.embedding not in tables:
        allowed = ", ".join(tables) or "none, as the network has no embedding"
        hint = nearest(layer.embedding, tables)
        raise LayerError(layer, f"no embedding is called {layer.embedding!r}{hint}; allowed: {allowed}")
    vocabulary = tables[layer.embedding].vocabulary
    if layer.units != vocabulary:
        raise LayerError(layer, f"has {layer.units} units, but the vocabulary of {layer.embedding} is {vocabulary}")


def _first(layer: Layer) -> Layer:
    """The one that takes the input, where a list of layers that follow each other stands first."""
    while isinstance(layer, Recompute | Repeat):
        layer = layer.children()[0][0]
    return layer


def _all(layers: Sequence[Layer]) -> Iterator[Layer]:
    for layer in layers:
        yield layer
        for branch in layer.children():
            yield from _all(branch)
