"""What a batch in parts costs and saves, in the timed step of a small network."""

from __future__ import annotations

from functools import cache

import pytest

from accelsim.energy.table import layer_rows
from accelsim.networks import load_workload
from accelsim.program import Phase, Unit
from accelsim.simulation.tensor_table import tensor_table
from accelsim.timing import simulate
from accelsim.timing.analysis.schedule_graph import schedule_graph
from accelsim.timing.analysis.tensor_classes import TensorClass, TensorClasses
from accelsim.timing.analysis.training_memory import training_memory_bytes


@pytest.fixture(scope="module")
def step(root, int8_machine):
    @cache
    def timed(parts):
        workload = load_workload(root / "workloads" / "fashion_mnist_cnn.yaml")
        program = workload.model_copy(update={"micro_batches": parts}).trace(int8_machine.recipe()).program
        return program, simulate(program, int8_machine)

    return timed


def _bounds(timeline, operations):
    timings = [timeline.operations[op.index] for op in operations]
    return min(each.start_cycle for each in timings), max(each.end_cycle for each in timings)


def _of(program, part, phase):
    return [op for op in program.operations if (op.part, op.phase) == (part, phase)]


def test_memory_falls_with_the_parts(step):
    stored, needed = sum(t.bytes for t in step(1)[0].tensors if t.persistent), {}
    for parts in (1, 2, 4):
        program, timeline = step(parts)
        needed[parts] = training_memory_bytes(program, timeline)
        assert program.peak_bytes() <= needed[parts]
        assert program.macs == step(1)[0].macs
    # Parameters and the sums of their gradients stay as they are.
    assert needed[2] - stored < 0.6 * (needed[1] - stored)
    assert needed[4] - stored < 0.35 * (needed[1] - stored)


def test_parts_follow_each_other_and_weight_gradients_may_run_beside(step):
    program, timeline = step(4)
    beside = 0
    for part in (2, 3, 4):
        begins, _ = _bounds(timeline, _of(program, part, Phase.FORWARD))
        products = [op for op in _of(program, part - 1, Phase.WEIGHT_GRADIENT) if op.unit is Unit.MAC_ARRAY]
        _, ends = _bounds(timeline, [op for op in _of(program, part - 1, Phase.DATA_GRADIENT) if op.gemms])
        assert ends <= begins
        beside += sum(timeline.operations[op.index].end_cycle > begins for op in products)
    assert beside
    _, learnt = _bounds(timeline, _of(program, 4, Phase.FORWARD))
    assert _bounds(timeline, _of(program, 0, Phase.UPDATE))[0] >= learnt


def test_the_graph_gives_the_schedule_back(step):
    program, timeline = step(2)
    graph = schedule_graph(program, timeline)
    makers = {index: op.index for op in program.operations for index in op.outputs}
    waiting = [op for op in program.operations if op.after]
    assert waiting
    for op in waiting:
        earlier = {makers[index] for index in op.after}
        assert earlier & {edge.earlier for edge in graph.incoming[op.index]}


def test_rows_tell_parts_apart_and_sums_stay(step, int8_machine):
    """Each operation of each part has a row; a layer's products add up to those of the whole batch."""
    sums = []
    for parts in (1, 2):
        program, timeline = step(parts)
        rows = layer_rows(program, timeline, int8_machine)
        assert [row["part"] for row in rows] == [op.part for op in program.operations]
        names = [(row["layer"], row["phase"], row["operation"], row["part"]) for row in rows if row["macs"]]
        assert len(set(names)) == len(names)
        assert len({op.name for op in program.operations if op.gemms}) == len(names)
        sums.append({})
        for row in rows:
            if row["macs"]:
                key = row["layer"], row["phase"]
                sums[-1][key] = sums[-1].get(key, 0) + row["macs"]
    assert sums[0] == sums[1]


def test_tensors_are_listed_once(step, int8_machine):
    tables = [tensor_table(step(parts)[0], int8_machine.recipe(), lambda index: "") for parts in (1, 4)]
    names = [list(table["tensor"]) for table in tables]
    assert len(set(names[1])) == len(names[1])
    sums = [name for name in names[1] if name.endswith("_gradient_sum")]
    assert [name for name in names[1] if name not in sums] == names[0]
    assert len(sums) == len([op for op in step(1)[0].operations if op.opcode == "sgd"])
    shapes = [dict(zip(table["tensor"], table["shape"], strict=True)) for table in tables]
    assert (shapes[0]["images"], shapes[1]["images"]) == ("64x28x28x1", "16x28x28x1")


def test_sums_are_weight_gradients(step):
    program, _ = step(2)
    classes = list(TensorClasses(program))
    whole, _ = step(1)
    expected = {t.name: kind for t, kind in zip(whole.tensors, TensorClasses(whole), strict=True)}
    for tensor in program.tensors:
        if "_gradient_sum" in tensor.name:
            assert classes[tensor.index] is TensorClass.WEIGHT_GRADIENT, tensor.name
        else:
            assert classes[tensor.index] is expected[tensor.plain_name], tensor.name
