"""hwconfig: element-wise operations that may be applied to results as these drain."""

from __future__ import annotations

from typing import Literal

Epilogue = Literal[
    "relu",
    "relu_backward",
    "add",
    "add_parameter",
    "multiply",
    "gelu",
    "gelu_backward",
    "silu",
    "silu_backward",
    "dropout",
    "dropout_backward",
]
"""Opcodes of operations that make one element from each element of a result, and from others in the same order."""
