"""What can't fit into this computer's memory is refused before it is begun."""

from __future__ import annotations

import numpy as np
import pytest

import accelsim
from accelsim.datapath import Datapath
from accelsim.errors import UserError
from accelsim.networks import load_workload
from accelsim.simulation import host, stages
from accelsim.simulation.host import check_evaluation_memory, check_memory
from accelsim.simulation.inputs import read_inputs
from accelsim.tracing import Tracer
from accelsim.training import initial_state

FILES = "hwconfigs/int8_range_bn.yaml", "workloads/digits_cnn.yaml"


@pytest.fixture
def having(monkeypatch):
    """Gives this computer so many bytes."""
    return lambda size: monkeypatch.setattr(host, "_memory_bytes", lambda: size)


def forward_bytes(network, recipe, batch):
    tracer = Tracer(recipe)
    tracer.begin(training=False)
    network.forward(tracer, None, None, batch)
    return tracer.program.peak_bytes()


@pytest.mark.parametrize(("images", "batch"), [(1, 1), (40, 40), (256, 256), (10_000, 256)])
def test_an_evaluation_needs_a_group_of_images(root, int8_machine, having, images, batch):
    network, recipe = load_workload(root / FILES[1]).build(), int8_machine.recipe()
    needed = forward_bytes(network, recipe, batch)
    having(needed)
    check_evaluation_memory(network, recipe, images)
    having(needed - 1)
    with pytest.raises(UserError, match=r"needs at least .* of this computer's memory, which has"):
        check_evaluation_memory(network, recipe, images)
    having(None)
    check_evaluation_memory(network, recipe, images)


def test_no_group_needs_as_much_as_a_training_of_its_size(root, int8_machine):
    workload, recipe = load_workload(root / FILES[1]), int8_machine.recipe()
    network = workload.build()
    training = network.trace(recipe, workload.optimizer, 256).program.peak_bytes()
    assert forward_bytes(network, recipe, 1) < forward_bytes(network, recipe, 256) < training


def test_a_training_is_refused(root, int8_machine, having):
    workload = load_workload(root / FILES[1])
    traced = workload.build().trace(int8_machine.recipe(), workload.optimizer, 64)
    having(traced.program.peak_bytes())
    check_memory(traced)
    having(traced.program.peak_bytes() - 1)
    with pytest.raises(UserError, match=r"^training needs at least .*, or use --timing-only"):
        check_memory(traced)


def test_a_cluster_needs_room_for_the_gradients_of_every_machine(root, having):
    """This computer does one machine after the other, and their gradients are summed after the last."""
    settings = ["cluster={machines: 4, link_bytes_per_s: 1 GB/s}"]
    inputs = read_inputs(*(root / file for file in FILES), settings=settings)
    traced = stages.trace(inputs)
    program, emulated = traced.program, stages.trace_emulation(inputs, traced)
    sent = [i for operation in program.operations if operation.opcode == "all_reduce" for i in operation.inputs]
    gradients = sum(program.tensors[index].bytes for index in sent)
    needed = emulated.program.peak_bytes()
    assert gradients > 0
    assert needed == program.peak_bytes() + 3 * gradients
    machine = Datapath(inputs.recipe, initial_state(traced.parameters, inputs.training.seed), seed=1)
    machine.begin_step(0, training=True, learning_rate=0.1)
    images, labels = np.zeros((32, 8, 8, 1), dtype=np.float32), np.zeros(32, dtype=np.int64)
    inputs.training.build().train_in_parts(machine, inputs.training.optimizer, images, labels, 32, 1)
    assert machine.program.operations == emulated.program.operations
    having(needed - 1)
    with pytest.raises(UserError, match=r"^training needs at least"):
        accelsim.simulate(*(root / file for file in FILES), settings=settings)


def test_evaluate_refuses_before_it_reads_weights(root, having, tmp_path):
    files = [root / file for file in FILES]
    having(1 << 10)
    (tmp_path / "w.safetensors").write_bytes(b"never read")
    with pytest.raises(UserError, match=r"^evaluating needs at least .*; evaluate it on a computer that has more"):
        accelsim.evaluate(hwconfig=files[0], workload=files[1], weights=tmp_path / "w.safetensors")
