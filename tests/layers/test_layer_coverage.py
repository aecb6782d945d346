"""Every registered layer takes part in the parametrised suites."""

from __future__ import annotations

from accelsim.layers import LAYERS


def _kinds(layers):
    inner = [branch for layer in layers for branch in layer.children()]
    return {layer.kind for layer in layers}.union(*map(_kinds, inner)) if layers else set()


def test_every_layer_has_a_case(all_cases):
    assert set().union(*(_kinds(network.layers) for network in all_cases)) == set(LAYERS)
