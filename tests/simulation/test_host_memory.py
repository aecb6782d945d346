"""What can't fit into this computer's memory is refused before it is begun."""

from __future__ import annotations

import pytest

import accelsim
from accelsim.errors import UserError
from accelsim.networks import load_workload
from accelsim.simulation import host
from accelsim.simulation.host import check_evaluation_memory, check_memory
from accelsim.tracing import Tracer

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


def test_evaluate_refuses_before_it_reads_weights(root, having, tmp_path):
    files = [root / file for file in FILES]
    having(1 << 10)
    (tmp_path / "w.safetensors").write_bytes(b"never read")
    with pytest.raises(UserError, match=r"^evaluating needs at least .*; evaluate it on a computer that has more"):
        accelsim.evaluate(hwconfig=files[0], workload=files[1], weights=tmp_path / "w.safetensors")
