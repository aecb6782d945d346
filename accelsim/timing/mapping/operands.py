"""Which tensors of an operation move, and on which side of a product they stand."""

from __future__ import annotations

from dataclasses import dataclass, replace

from accelsim.hardware import MacArray
from accelsim.program import Operation, Program, TensorSpec

# The weight gradient is g transposed times x, and the instruction names x first.
_LEFT_IS_SECOND = frozenset({"matmul_backward_weights", "conv2d_backward_weights"})
# Operands after these many give only their scales, which are registers.
_MOVED_OPERANDS = {"quantise_bias": 1}
# Of its first operand, an operation reads the rows, tokens or channels that it hands on, and no others.
_PARTLY_READ = frozenset({"gather", "slice_tokens", "slice_channels"})


@dataclass(frozen=True)
class ProductOperands:
    """Tensors of a MAC array operation; ``extra`` are biases, which preset the accumulators."""

    left: TensorSpec
    right: TensorSpec
    extra: tuple[TensorSpec, ...]
    output: TensorSpec


def product_operands(program: Program, operation: Operation) -> ProductOperands:
    """The operands of a MAC array operation: left (m x k), right (k x n), output (m x n)."""
    first, second, *extra = program.inputs_of(operation)
    left, right = (second, first) if operation.opcode in _LEFT_IS_SECOND else (first, second)
    return ProductOperands(left, right, tuple(extra), program.outputs_of(operation)[0])


def moved_inputs(program: Program, operation: Operation) -> list[TensorSpec]:
    """Distinct tensors whose data the operation reads, in the shape of what it reads."""
    indices = operation.inputs[: _MOVED_OPERANDS.get(operation.opcode)]
    moved = [program.tensors[index] for index in dict.fromkeys(indices)]
    if operation.opcode in _PARTLY_READ:
        moved[0] = replace(moved[0], shape=program.outputs_of(operation)[0].shape)
    return moved


def passes(program: Program, operation: Operation, array: MacArray) -> int:
    """Passes over the array that each product of the operation takes; 0 for operations of other units."""
    if not operation.gemms:
        return 0
    first, second = program.inputs_of(operation)[:2]
    return array.passes(first.format, second.format)
