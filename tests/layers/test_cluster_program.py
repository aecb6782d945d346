"""The Program of machines that train together: the tracer's is the first machine's, and buckets are as is said."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from accelsim.datapath import Datapath
from accelsim.layers import Sgd
from accelsim.layers.layer import parse_layer
from accelsim.networks import Network
from accelsim.program import Phase
from accelsim.tracing import Tracer

BATCH, RATE = 8, 0.1
OPTIMIZER = Sgd(learning_rate=RATE, momentum=0, weight_decay=0)
CONV = {"conv2d": {"filters": 4, "kernel": 3, "padding": 1}}
LAYERS = [CONV, "batch_norm", "relu", {"residual": {"body": [CONV, "batch_norm"]}}, "flatten", {"linear": {"units": 3}}]


def _network(layers=LAYERS):
    return Network([parse_layer(layer) for layer in layers], (6, 6, 2), 3)


def _first_machine(program, traced):
    """The operations and tensors of the first machine, numbered as the tracer numbers them."""
    kept = [op for op in program.operations if op.machine <= 1]
    # An all-reduce reads the tensors of all machines; those of the others have names that say so.
    touched = {i for op in kept for i in (*op.inputs, *op.outputs)}
    mine = [i for i in sorted(touched) if not re.search(r"\.machine\d+", program.tensors[i].name)]
    number = {old: new for new, old in enumerate(mine)}
    tensors = [replace(program.tensors[old], index=new) for old, new in number.items()]
    renumbered = []
    for index, op in enumerate(kept):
        fields = {
            "inputs": tuple(number[i] for i in op.inputs if i in number),
            "outputs": tuple(number[i] for i in op.outputs),
            "after": tuple(number[i] for i in op.after),
        }
        renumbered.append(replace(op, index=index, **fields))
    assert tensors == traced.tensors
    assert renumbered == traced.operations


@pytest.mark.parametrize("wire", [None, "{format: int8, rounding: stochastic}"])
@pytest.mark.parametrize("machine", ["int8_range_bn", "fp32"])
def test_what_is_timed_is_what_the_first_machine_computes(machine, wire, network, batch, draw_state, recipe_of):
    fields = {"gradient": wire, "bucket_bytes": 200} if wire else {}
    settings = ["quantise_unit={lanes: 8}"] if wire and machine == "fp32" else []
    recipe = recipe_of(machine, 2, *settings, **fields)
    for parts in (1, 2):
        traced = network.trace(recipe, OPTIMIZER, BATCH, parts)
        datapath = Datapath(recipe, draw_state(traced.parameters), seed=1, check=True)
        datapath.begin_step(0, training=True, learning_rate=RATE)
        images = batch[0].astype(np.float32) if batch[0].dtype.kind == "f" else batch[0]
        outcomes = network.train_in_parts(datapath, OPTIMIZER, images, batch[1], BATCH, parts)
        assert len(outcomes) == 2 * parts
        _first_machine(datapath.program, traced.program)
        machines = {op.machine for op in traced.program.operations}
        assert machines == {0, 1}
        reduced = [i for op in traced.program.operations if op.opcode == "all_reduce" for i in op.outputs]
        assert len(reduced) == len([op for op in traced.program.operations if op.opcode == "sgd"])


def test_shared_tables_are_added_up_before_they_are_sent(recipe_of):
    layers = [
        {"embedding": {"name": "table", "vocabulary": 3, "width": 6}},
        {"unembedding": {"embedding": "table", "units": 3}},
    ]
    network = Network([parse_layer(layer) for layer in layers], (7,), 3)
    program = network.trace(recipe_of("int8_range_bn", 4, gradient="int8"), OPTIMIZER, BATCH).program
    reduced = [program.tensors[i].name for op in program.operations if op.opcode == "all_reduce" for i in op.outputs]
    assert reduced.count("all_reduce.table.weight_gradient") == 1
    assert len(reduced) == len([op for op in program.operations if op.opcode == "sgd"])


def test_buckets_take_neighbours_up_to_their_size(recipe_of):
    network, sizes = _network(), {}
    for bucket in (1, 300, 1 << 20):
        recipe = recipe_of("fp32", 2, bucket_bytes=bucket)
        program = network.trace(recipe, OPTIMIZER, BATCH).program
        buckets = [program.inputs_of(op) for op in program.operations if op.opcode == "all_reduce"]
        for tensors, after in zip(buckets, [*buckets[1:], None], strict=True):
            total = sum(tensor.bytes for tensor in tensors)
            assert total <= bucket or len(tensors) == 1
            assert after is None or total + after[0].bytes > bucket
        sizes[bucket] = len(buckets)
        phases = {op.phase for op in program.operations if op.opcode == "all_reduce"}
        assert phases == {Phase.ALL_REDUCE}
    assert sizes[1] == 10
    assert 1 < sizes[300] < 10
    assert sizes[1 << 20] == 1


def test_a_bucket_has_sums_of_one_rule(recipe_of):
    """What is sent in a format for all layers travels together; without one each layer's sums have its own format."""
    layers = ["numerics.weight_gradient=bf16", "numerics.layers=[{match: last, weight_gradient: fp32}]"]
    network, found = _network(), {}
    for wire in (None, "fp16"):
        recipe = recipe_of("bf16", 2, *layers, **({"gradient": wire} if wire else {}))
        program = network.trace(recipe, OPTIMIZER, BATCH).program
        reduced = [op for op in program.operations if op.opcode == "all_reduce"]
        found[wire] = [{str(program.tensors[i].format) for i in op.outputs} for op in reduced]
    assert found == {None: [{"fp32"}, {"bf16"}], "fp16": [{"fp16"}]}


@pytest.mark.parametrize(("sums", "conversions"), [("wide", 1), ("rounded", 3)])
def test_lanes_convert_each_sum_that_is_rounded(sums, conversions, recipe_of):
    """Four machines make three sums of a share. Both operands of each are scaled; a conversion takes a product and two
    additions."""
    recipe = recipe_of("int8_range_bn", 4, gradient="int8", partial_sums=sums)
    program = _network().trace(recipe, OPTIMIZER, BATCH).program
    for op in (op for op in program.operations if op.opcode == "all_reduce"):
        share = -(-sum(tensor.elements for tensor in program.outputs_of(op)) // 4)
        assert op.work.elements * op.work.multiplies == pytest.approx(share * (3 * 2 + conversions))
        assert op.work.elements * op.work.adds == pytest.approx(share * (3 + 2 * conversions))


def test_one_machine_is_no_cluster(recipe_of, int8_machine):
    recipe = recipe_of("int8_range_bn", 1, gradient="int8")
    assert recipe == int8_machine.recipe()
    one, other = Tracer(recipe), Tracer(int8_machine.recipe())
    for tracer in (one, other):
        _network().train_step(tracer, OPTIMIZER, None, None, BATCH)
    assert one.program == other.program
    assert not any(op.machine for op in one.program.operations)
