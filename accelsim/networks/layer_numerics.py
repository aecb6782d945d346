"""Which layers of a network have rules of their own: a recipe's entries held against names, and spread over layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import NamedTuple

from accelsim.errors import UserError, nearest
from accelsim.formats import Recipe, Role, TensorRule
from accelsim.formats.recipe import FIRST, LAST, Rules
from accelsim.layers import Layer, Repeat

Ends = Callable[[], tuple[str, str]]
"""Names of the first and of the last layer with a matrix product; asked only where an entry needs them."""
Entries = Mapping[str, Sequence[int]]
"""Numbers of the entries that match each layer."""
SHOWN = 20
"""Names that a message lists."""


class UnmatchedLayerError(UserError):
    """An entry matches no layer; ``entry`` and ``place`` are its number and that of the pattern in it."""

    def __init__(self, entry: int, place: int, text: str) -> None:
        super().__init__(f"numerics.layers.{entry}.match: {text}")
        self.entry, self.place, self.text = entry, place, text


class NamedLayer(NamedTuple):
    """A layer as numerics see it: ``scopes`` are the names that its operations go by. One that hands activations on
    has nothing of its own that they meet, but under names beside its own: there its branches meet. ``branches`` all
    read its input."""

    name: str
    scopes: tuple[str, ...]
    hands_on: bool = False
    branches: tuple[tuple[NamedLayer, ...], ...] = ()


def named_layers(layers: Sequence[Layer]) -> tuple[NamedLayer, ...]:
    """Layers with names as numerics see them; repetitions follow each other."""
    found = []
    for layer in layers:
        branches = tuple(named_layers(branch) for branch in layer.children())
        if isinstance(layer, Repeat):
            branches = (tuple(inner for branch in branches for inner in branch),)
        found.append(NamedLayer(layer.name, layer.scopes(), layer.hands_on, branches))
    return tuple(found)


def fitted(recipe: Recipe, layers: Sequence[NamedLayer], ends: Ends) -> Recipe:
    """``recipe`` with all rules of each layer that has some of its own, and no entries left.

    Raises:
        UnmatchedLayerError: an entry matches none.
    """
    if not recipe.layers:
        return recipe
    entries, found = matches(recipe, layers, ends), dict[str, Rules]()
    _spread(recipe, layers, entries, None, found)
    own = {name: rules for name, rules in found.items() if rules != recipe.rules}
    return replace(recipe, layers=(), by_layer=own)


def matches(recipe: Recipe, layers: Sequence[NamedLayer], ends: Ends) -> Entries:
    """Numbers of the entries that match each layer; those of a layer with others inside match these, too.

    Raises:
        UnmatchedLayerError: an entry matches none.
    """
    names = [layer.name for layer in _all(layers)]
    found: dict[str, list[int]] = {name: [] for name in names}
    for number, entry in enumerate(recipe.layers):
        wanted: set[str] = set()
        for place, pattern in enumerate(entry.match):
            named = _named(pattern, names, ends)
            if not named:
                raise UnmatchedLayerError(number, place, _unknown(pattern, names))
            wanted |= named
        for layer in _all(layers):
            if layer.name in wanted:
                wanted |= {inner.name for branch in layer.branches for inner in _all(branch)}
                found[layer.name].append(number)
    return found


def _all(layers: Sequence[NamedLayer]) -> Iterator[NamedLayer]:
    """Every layer, each before those inside."""
    for layer in layers:
        yield layer
        for branch in layer.branches:
            yield from _all(branch)


def _named(pattern: str, names: Sequence[str], ends: Ends) -> set[str]:
    if pattern in (FIRST, LAST):
        return {ends()[pattern == LAST]}
    return {name for name in names if fnmatchcase(name, pattern)}


def _unknown(pattern: str, names: Sequence[str]) -> str:
    more = f", ... ({len(names)} in all)" if len(names) > SHOWN else ""
    listed = ", ".join(names[:SHOWN]) + more
    hint = nearest(pattern, [FIRST, LAST, *names])
    return f"found {pattern!r}, and no layer is called so{hint}; layers of the workload: {listed}"


def _spread(
    recipe: Recipe,
    layers: Sequence[NamedLayer],
    entries: Entries,
    behind: TensorRule | None,
    found: dict[str, Rules],
) -> TensorRule | None:
    """Put the rules of ``layers`` into ``found``, and return how the first of them reads its input.

    ``behind`` is how what comes after them reads. A layer that only hands activations on reads as that does, so that
    nothing is lost before it: unless an entry says how, or there is nothing after it.
    """
    for layer in reversed(layers):
        numbers = entries[layer.name]
        own = recipe.with_entries(numbers)
        after = own[Role.ACTIVATION] if layer.hands_on and layer.scopes[1:] else behind
        read = [_spread(recipe, branch, entries, after, found) for branch in layer.branches if branch]
        rules, ahead = own.copy(), read[0] if read else behind
        told = any(Role.ACTIVATION in recipe.layers[number].rules for number in numbers)
        if layer.hands_on and not told and ahead is not None:
            rules[Role.ACTIVATION] = ahead
        found.update(dict.fromkeys(layer.scopes, own if layer.hands_on else rules))
        found[layer.name] = rules
        behind = rules[Role.ACTIVATION]
    return behind
