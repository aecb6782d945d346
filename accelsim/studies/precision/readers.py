"""Which class each tensor is of: by the quantiser that makes it, and on machines without one by who reads it.

The table of readers says for floats what layers ask of the quantise unit, so that a study looks at the same tensors
whether a machine quantises them or not.
"""

from __future__ import annotations

from accelsim.formats import Role
from accelsim.program import Phase
from accelsim.reports.precision.classes import ACTIVATIONS, DATA_PATH, NORM_PATH, WEIGHT_PATH, WEIGHTS

ROLES = {
    WEIGHTS: Role.WEIGHT,
    ACTIVATIONS: Role.ACTIVATION,
    DATA_PATH: Role.GRADIENT_DATA,
    WEIGHT_PATH: Role.GRADIENT_WEIGHT,
    NORM_PATH: Role.GRADIENT_NORM,
}
"""The role whose rule quantises each class."""
CLASS_OF = {role: name for name, role in ROLES.items()}

WEIGHT_PRODUCTS = ("matmul_backward_weights", "conv2d_backward_weights")
PRODUCTS_OF_ACTIVATIONS = ("batched_matmul", "multiply")
READERS: dict[str, dict[int, str]] = {
    "matmul": {0: ACTIVATIONS, 1: WEIGHTS},
    "conv2d": {0: ACTIVATIONS, 1: WEIGHTS},
    "matmul_backward_data": {0: DATA_PATH},
    "conv2d_backward_data": {0: DATA_PATH},
    "matmul_backward_weights": {1: WEIGHT_PATH},
    "conv2d_backward_weights": {1: WEIGHT_PATH},
    "scatter_add": {0: WEIGHT_PATH},
    "reduce_sum": {0: WEIGHT_PATH},
    "normalise": {0: ACTIVATIONS},
    "normalise_rows": {0: ACTIVATIONS},
    "reduce_products": {0: NORM_PATH},
    "reduce_row_products": {0: NORM_PATH},
}
"""Operands by place. What backward reads again of the forward pass is left out: it was there before."""
FORWARD_READERS = (
    "relu",
    "gelu",
    "silu",
    "dropout",
    "max_pool2d",
    "average_pool2d",
    "add_parameter",
    "prepend",
)
"""Whose first operand is an activation, in the forward pass alone."""
HANDS_ON = ("relu", "gelu", "silu", "dropout", "max_pool2d", "slice_tokens")
"""What leaves on the codes of what was read, or as such, so that no quantiser follows."""


def class_read(opcode: str, phase: Phase, operand: int, *, is_gradient: bool) -> str | None:
    """Class of an operand, None where it is none of a study's; ``is_gradient``: it was made after the loss."""
    if operand in READERS.get(opcode, {}):
        return READERS[opcode][operand]
    if phase is Phase.FORWARD:
        reads = opcode in PRODUCTS_OF_ACTIVATIONS or (opcode in FORWARD_READERS and operand == 0)
        return ACTIVATIONS if reads else None
    return DATA_PATH if opcode in PRODUCTS_OF_ACTIVATIONS and is_gradient else None
