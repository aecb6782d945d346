"""The Program of a batch in parts: the calls of a smaller batch, one part after the other."""

from __future__ import annotations

from collections import Counter

from accelsim.layers import Sgd
from accelsim.layers.layer import parse_layer
from accelsim.networks import Network
from accelsim.program import Phase, Program, Unit
from accelsim.tracing import Tracer

OPTIMIZER = Sgd(learning_rate=0.05, weight_decay=1e-4)
BATCH = 8
LEARNING = ("reduce_row_products", "quantise", "requantise", "convert", "dequantise")


def _describes(operation):
    kept = {key: value for key, value in operation.attributes.items() if key not in ("parts", "drawn_for")}
    return operation.opcode, operation.unit, operation.layer, operation.phase, operation.gemms, str(kept)


def test_parts_make_the_calls_of_a_smaller_batch(network, int8_machine):
    """But for codes of parameters, which all share, and sums of gradients."""
    recipe = int8_machine.recipe()
    program = network.trace(recipe, OPTIMIZER, BATCH, 2).program
    alone = network.trace(recipe, OPTIMIZER, BATCH // 2).program
    assert program.macs == network.trace(recipe, OPTIMIZER, BATCH).program.macs
    assert Program.from_json(program.to_json()) == program
    first, second, both = ([op for op in program.operations if op.part == part] for part in (1, 2, 0))
    assert Counter(map(_describes, [*first, *both])) == Counter(map(_describes, alone.operations))
    assert all(op.phase is Phase.UPDATE for op in both)
    persistent = {tensor.index for tensor in program.tensors if tensor.persistent}
    shared = [op for op in first if op.unit is Unit.QUANTISE and set(op.inputs) <= persistent]
    sums = [op for op in second if op.outputs and program.tensors[op.outputs[0]].name.endswith("_gradient_sum.part2")]
    assert shared
    assert Counter(map(_describes, second)) == Counter(map(_describes, first)) - Counter(
        map(_describes, shared)
    ) + Counter(map(_describes, sums))
    assert len(sums) == len([op for op in both if op.opcode in ("sgd", "add")])
    names = [tensor.name for tensor in program.tensors]
    assert len(set(names)) == len(names)
    assert {t.name for t in program.tensors if t.part == 1} <= {t.name for t in alone.tensors}
    plain, expected = ({t.plain_name for t in each.tensors if not t.again} for each in (program, alone))
    assert {name for name in plain if not name.endswith("_gradient_sum")} == expected


def test_a_part_begins_after_the_one_before(network, int8_machine, fp32_machine):
    """Whatever its forward pass reads first waits for the last data gradient, and so does all that follows."""
    for hw in (int8_machine, fp32_machine):
        program = network.trace(hw.recipe(), OPTIMIZER, BATCH, 4).program
        needed = program.dependencies()
        reached: dict[int, set[int]] = {}
        for op in program.operations:
            reached[op.index] = {op.index}.union(*(reached[i] for i in needed[op.index]))
        for part in (2, 3, 4):
            before = [op for op in program.operations if op.part == part - 1]
            chain = {op.index for op in before if op.phase is Phase.DATA_GRADIENT and not _learns(program, op)}
            for op in program.operations:
                if op.part == part and op.phase is not Phase.UPDATE:
                    assert chain <= reached[op.index], op.name
                assert not op.after or op.phase in (Phase.FORWARD, Phase.RECOMPUTE)


def _learns(program, operation):
    """Whether all that it makes is for gradients of parameters."""
    made = set(operation.outputs)
    made |= {index for reader in program.operations if made & {*reader.inputs} for index in reader.outputs}
    return any(str(program.tensors[index].role) == "weight_gradient" for index in made) and operation.opcode in LEARNING


def test_shared_tables_and_a_single_part(int8_machine):
    layers = [
        {"embedding": {"name": "table", "vocabulary": 3, "width": 6}},
        {"unembedding": {"embedding": "table", "units": 3}},
    ]
    network = Network([parse_layer(layer) for layer in layers], (7,), 3)
    program = network.trace(int8_machine.recipe(), OPTIMIZER, BATCH, 4).program
    sums = Counter(t.name.split(".part")[0] for t in program.tensors if "_sum" in t.name)
    assert sums["table.weight_gradient_sum"] == sums["unembedding1.weight_gradient_sum"] == 3
    updated = [program.tensors[op.inputs[0]].name for op in program.operations if op.opcode == "sgd"]
    assert updated.count("table.weight") == 1
    one, other = Tracer(int8_machine.recipe()), Tracer(int8_machine.recipe())
    network.train_step(one, OPTIMIZER, None, None, BATCH)
    network.train_in_parts(other, OPTIMIZER, None, None, BATCH, 1)
    assert one.program == other.program
    assert not any(op.part or op.after or "parts" in op.attributes for op in one.program.operations)
