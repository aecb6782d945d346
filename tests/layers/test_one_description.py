"""What is timed is what is computed: tracer and datapath issue the same operations on the same tensors."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.datapath import Datapath
from accelsim.formats import IntegerFormat
from accelsim.hardware import load_hwconfig
from accelsim.layers import AdamW, Sgd
from accelsim.machine import Tensor
from accelsim.networks import load_workload
from accelsim.training import initial_state

OPTIMIZER = Sgd(learning_rate=0.05, weight_decay=1e-4)


class Witness(Datapath):
    """A datapath that keeps what it really computed: shape, storage and range of codes of every tensor."""

    def begin(self, *, training: bool = True) -> None:
        self.seen: dict[int, tuple[tuple[int, ...], str, tuple[float, float]]] = {}
        super().begin(training=training)

    def issue(self, *args, **kwargs) -> tuple[Tensor, ...]:
        made = super().issue(*args, **kwargs)
        for tensor in made:
            self.seen[tensor.spec.index] = (
                tuple(tensor.data.shape),
                str(tensor.data.dtype),
                (float(tensor.data.min()), float(tensor.data.max())),
            )
        return made


def _assert_same(traced, witness):
    assert witness.program.operations == traced.program.operations
    assert witness.program.tensors == traced.program.tensors
    made = {index for operation in traced.program.operations for index in operation.outputs}
    assert {i for i in made if not traced.program.tensors[i].persistent} == set(witness.seen)
    for index, (shape, storage, (low, high)) in witness.seen.items():
        spec = traced.program.tensors[index]
        assert (shape, storage) == (spec.shape, spec.format.storage), spec.name
        if isinstance(spec.format, IntegerFormat):
            assert spec.format.min_code <= low <= high <= spec.format.max_code, spec.name


@pytest.mark.parametrize("machine", ["int8_machine", "fp32_machine"])
def test_every_layer(machine, network, batch, draw_state, request):
    hw = request.getfixturevalue(machine)
    traced = network.trace(hw.recipe(), OPTIMIZER, 8)
    witness = Witness(hw.recipe(), draw_state(traced.parameters), seed=1)
    witness.begin_step(0, training=True, learning_rate=0.1)
    images = batch[0].astype(np.float32) if batch[0].dtype.kind == "f" else batch[0]
    network.train_step(witness, OPTIMIZER, images, batch[1], 8)
    _assert_same(traced, witness)


@pytest.mark.parametrize("hwconfig", ["int8_range_bn", "fp32", "fp32_same_macs", "fp16_mixed", "tpu_v1"])
@pytest.mark.parametrize("workload", ["digits_cnn", "fashion_mnist_cnn", "cifar10_resnet20"])
def test_shipped_machines_and_workloads(root, rng, draw_state, hwconfig, workload):
    hw = load_hwconfig(root / "hwconfigs" / f"{hwconfig}.yaml")
    recipe = load_workload(root / "workloads" / f"{workload}.yaml")
    network, batch = recipe.build(), 4
    traced = network.trace(hw.recipe(), recipe.optimizer, batch)
    witness = Witness(hw.recipe(), draw_state(traced.parameters), seed=1)
    witness.begin_step(0, training=True, learning_rate=0.1)
    images = rng.normal(size=(batch, *network.input_shape)).astype(np.float32)
    labels = rng.integers(0, network.classes, size=batch).astype(np.uint16)
    network.train_step(witness, recipe.optimizer, images, labels, batch)
    _assert_same(traced, witness)


@pytest.mark.parametrize("optimizer", [Sgd, AdamW])
def test_clipped_updates(int8_machine, root, rng, optimizer):
    recipe, clipped = (
        load_workload(root / "workloads" / "digits_vit.yaml"),
        optimizer(learning_rate=0.05, clip_norm=0.1),
    )
    network = recipe.build()
    traced = network.trace(int8_machine.recipe(), clipped, 4)
    witness = Witness(int8_machine.recipe(), initial_state(traced.parameters, 1), seed=1)
    witness.begin_step(0, training=True, learning_rate=0.1)
    images = rng.normal(size=(4, *network.input_shape)).astype(np.float32)
    network.train_step(witness, clipped, images, rng.integers(0, 10, size=4).astype(np.uint16), 4)
    _assert_same(traced, witness)
