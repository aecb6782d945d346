"""Names and colours of phases, units, energy components and compared results: the same in every figure."""

from __future__ import annotations

PHASES = {
    "forward": "Forward",
    "recompute": "Recompute",
    "data_gradient": "Data gradient",
    "weight_gradient": "Weight gradient",
    "all_reduce": "All-reduce",
    "update": "Update",
}
"""Titles by phase, in the order of a training step."""

UNITS = {
    "mac_array": "MAC array",
    "vector": "Vector",
    "norm": "Norm",
    "quantise": "Quantise",
    "update": "Update",
    "link": "Links",
}
"""Titles by hardware unit."""

COMPONENTS = {"mac": "MAC array", "lane": "Other units", "sram": "SRAM", "dram": "DRAM", "link": "Links"}
"""Titles by energy component; the columns are ``energy_<component>_pj``."""

TENSOR_CLASSES = {
    "weight": "Weights",
    "activation": "Activations",
    "stash": "Stash",
    "layer_gradient": "Layer gradients",
    "weight_gradient": "Weight gradients",
    "optimizer": "Master weights, optimizer",
    "statistic": "Norm statistics, other",
    "host": "Host",
}
"""Titles by class of tensor, in the order of tables."""

OTHER = "#8a8f98"
"""For a phase or component that has no colour of its own, and for reference lines."""
GRID = "rgba(128,128,128,0.22)"
TRAIN = "#4b6fd6"
TEST = "#c2571a"

# Okabe and Ito's palette, told apart with any kind of colour vision; blue is lightened for dark pages.
_PHASE_COLOURS = {
    "forward": "#2b83c6",
    "recompute": "#d55e00",
    "data_gradient": "#e69f00",
    "weight_gradient": "#009e73",
    "all_reduce": "#7a5fc7",
    "update": "#cc79a7",
}
_COMPONENT_COLOURS = {"mac": "#b5485d", "lane": "#d9c774", "sram": "#7fc4de", "dram": "#6b7080", "link": "#7a5fc7"}
_RESULT_COLOURS = ("#4b6fd6", "#c2571a", "#4f8f3a", "#8f55b5", "#2a95a3", "#a3872a", "#c24a86", "#6f7682")
_DASHES = ("solid", "dash", "dot", "dashdot")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star", "x", "hexagon")


def phase_colour(phase: str) -> str:
    """Colour of a phase."""
    return _PHASE_COLOURS.get(phase, OTHER)


def component_colour(component: str) -> str:
    """Colour of an energy component."""
    return _COMPONENT_COLOURS.get(component, OTHER)


def result_colour(index: int) -> str:
    """Colour of the result at ``index`` of a comparison."""
    return _RESULT_COLOURS[index % len(_RESULT_COLOURS)]


def result_dash(index: int) -> str:
    """Line style of the result at ``index``, so that colour is never the only sign."""
    return _DASHES[index % len(_DASHES)]


def result_symbol(index: int) -> str:
    """Marker of the result at ``index``."""
    return _SYMBOLS[index % len(_SYMBOLS)]


def faded(colour: str, alpha: float = 0.4) -> str:
    """A ``#rrggbb`` colour made translucent."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"
