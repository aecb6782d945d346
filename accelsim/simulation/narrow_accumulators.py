"""Integer accumulators whose sums leave them in the ordinary course of a training: nothing else would tell of it.

A rule of thumb. Under a scale from its own range a Gaussian tensor has a root mean square of about a quarter of the
largest code, so a sum of k products has a deviation of a sixteenth of the product of both largest codes, times sqrt(k),
and four of these are reached by one sum in 16,000. Layer gradients stay below that.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from accelsim.program import Operation, Phase, Program

RANGE_OVER_RMS, DEVIATIONS = 4.0, 4.0
SIGNS = ("ternary", "binary")
"""Families whose codes are nearly all as large as the largest."""


class _Reach(NamedTuple):
    """How far a product's sums go, over what its accumulators hold."""

    share: float
    operation: Operation
    bits: int


def narrow_accumulators(program: Program, overflow: str) -> list[str]:
    """A sentence for each kind of product with sums that may ``overflow`` (wrap, or saturate)."""
    found: dict[Phase, list[_Reach]] = {}
    for operation in program.operations:
        again = operation.phase is Phase.RECOMPUTE or operation.part > 1 or operation.machine > 1
        if operation.gemms and not again and all(t.format.is_integer for t in program.inputs_of(operation)[:2]):
            found.setdefault(operation.phase, []).append(_reach(program, operation))
    return [
        _worded(program, phase, reaches, overflow)
        for phase, reaches in found.items()
        if any(reach.share > 1 for reach in reaches)
    ]


def _reach(program: Program, operation: Operation) -> _Reach:
    formats: list[Any] = [tensor.format for tensor in program.inputs_of(operation)[:2]]
    accumulator: Any = program.tensors[operation.outputs[0]].format
    product = math.prod(format_.max_code / (1 if format_.family in SIGNS else RANGE_OVER_RMS) for format_ in formats)
    sums = DEVIATIONS * product * math.sqrt(_terms(operation))
    return _Reach(sums / accumulator.max_code, operation, math.ceil(math.log2(sums + 1)) + 1)


def _terms(operation: Operation) -> int:
    return max(gemm.k for gemm in operation.gemms)


def _worded(program: Program, phase: Phase, reaches: list[_Reach], overflow: str) -> str:
    worst, beyond = max(reaches, key=lambda reach: reach.share), sum(reach.share > 1 for reach in reaches)
    first, second, *_ = program.inputs_of(worst.operation)
    accumulator = program.tensors[worst.operation.outputs[0]].format
    return (
        f"mac_array.accumulators.{phase}: sums of {beyond} of {len(reaches)} products may {overflow} in {accumulator}; "
        f"{worst.operation.name} adds {_terms(worst.operation)} products of {first.format} and {second.format}, "
        f"which takes about {worst.bits} bits"
    )
