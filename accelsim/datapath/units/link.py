"""Links of a cluster: gradients of all machines summed, in one order on all of them, and converted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from accelsim.datapath.context import Context
from accelsim.datapath.units.output_stage import convert
from accelsim.datapath.units.registry import executes
from accelsim.datapath.units.vector import add
from accelsim.formats import Role
from accelsim.machine import Tensor, Value
from accelsim.machine.vector import wide
from accelsim.program import Operation, TensorSpec


@executes("all_reduce")
def all_reduce(
    c: Context, op: Operation, inputs: tuple[Tensor, ...], outputs: tuple[TensorSpec, ...]
) -> Sequence[Value]:
    """Of each output, ((first machine + second) + third) and so on as the vector unit adds, then converted.

    The operands of an output follow each other, from the first machine's on. With ``rounds_each_sum`` every sum is
    converted before the next addition, with a scale and random bits of its own.
    """
    op = replace(op, layer=op.attributes.get("rule_of", op.layer))
    machines = len(inputs) // len(outputs)
    return [
        _summed(c, op, inputs[machines * place : machines * (place + 1)], output)
        for place, output in enumerate(outputs)
    ]


def _summed(c: Context, op: Operation, sent: tuple[Tensor, ...], output: TensorSpec) -> Value:
    total, *others = sent
    for number, x in enumerate(others, 2):
        spec = replace(output, format=wide(x), role=Role.ACCUMULATOR)
        (value,) = add(c, op, (total, x), (spec,))
        total = Tensor(spec, spec.shape, value)
        if op.attributes["rounds_each_sum"] and number < len(sent):
            total = _converted(c, op, total, replace(output, name=f"{output.name}.sum{number}"))
    return _converted(c, op, total, output).value


def _converted(c: Context, op: Operation, total: Tensor, output: TensorSpec) -> Tensor:
    (value,) = convert(c, op, (total,), (output,))
    return Tensor(output, output.shape, value)
