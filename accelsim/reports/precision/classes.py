"""Classes of tensors that a precision study tells apart, and the columns of its table."""

from __future__ import annotations

WEIGHTS, ACTIVATIONS = "weights", "activations"
DATA_PATH, WEIGHT_PATH, NORM_PATH = "gradient_data_path", "gradient_weight_path", "gradient_norm"
WEIGHT_GRADIENT = "weight_gradient"

CLASSES = {
    WEIGHTS: "Weights",
    ACTIVATIONS: "Activations",
    DATA_PATH: "Layer gradient, data path",
    WEIGHT_PATH: "Layer gradient, weight-gradient copy",
    NORM_PATH: "Layer gradient, norm's copy",
    WEIGHT_GRADIENT: "Weight gradient from that copy",
}
"""Titles by class, in the order of tables. Of the last one the bits are those of the gradient copy that makes it."""

SHORT = {
    WEIGHTS: "Weights",
    ACTIVATIONS: "Activations",
    DATA_PATH: "Data path",
    WEIGHT_PATH: "Weight copy",
    NORM_PATH: "Norm's copy",
    WEIGHT_GRADIENT: "Weight grad.",
}
"""Titles where there is little room."""

COLOURS = {
    WEIGHTS: "#8f55b5",
    ACTIVATIONS: "#2b83c6",
    DATA_PATH: "#e69f00",
    WEIGHT_PATH: "#c2571a",
    NORM_PATH: "#cc79a7",
    WEIGHT_GRADIENT: "#009e73",
}

PRECISION_COLUMNS = (
    "step",
    "layer",
    "tensor",
    "class",
    "bits",
    "machine_format",
    "machine_bits",
    "rounding",
    "elements",
    "cosine",
    "sqnr_db",
    "relative_bias",
    "saturated_share",
    "zero_share",
    "effective_bits",
    "rms",
    "excess_kurtosis",
    "near_zero_share",
    "zero_before_share",
    "largest_over_rms",
    "gaussian_cosine",
    "gaussian_sd",
    "paper_bound",
    "right_triangle_bound",
)
HISTOGRAM_COLUMNS = ("step", "layer", "tensor", "class", "low_over_rms", "high_over_rms", "elements")
NEAR_ZERO = 0.1
"""In units of the root mean square: how near zero counts as near."""
GAUSSIAN_NEAR_ZERO = 0.0796557
"""Share of a Gaussian within 0.1 standard deviations."""


def class_title(name: str) -> str:
    """Readable name of a class."""
    return CLASSES.get(name, name)
