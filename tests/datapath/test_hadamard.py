"""The random Hadamard transform: its bits in plain Python, its matrix, and products that it leaves as they were."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.datapath import Datapath, reference
from accelsim.datapath.reference_hadamard import rotated_column
from accelsim.errors import UserError
from accelsim.formats import FP32, Role
from accelsim.formats.blocks import Along
from accelsim.formats.nvfp4 import NVFP4
from accelsim.hardware import load_hwconfig
from accelsim.layers import Sgd
from accelsim.layers.layer import parse_layer
from accelsim.machine import Tensor, Value
from accelsim.networks import Network
from accelsim.timing import simulate
from accelsim.training import initial_state

LAYERS = [{"conv2d": {"filters": 4, "kernel": 3, "stride": 2}}, "relu", "flatten", {"linear": {"units": 3}}]
OPTIMIZER = Sgd(learning_rate=0.1)


def _signs(machine, layer, size):
    context, key = machine.context, zlib.crc32(f"{layer}.signs".encode())
    return [1 - 2 * reference.random_code(context.seed, context.step, key, i, 1) for i in range(size)]


def _machine(hw, size, kernels=None):
    machine = Datapath(replace(hw.recipe(), hadamard=size), {}, seed=3, kernels=kernels, check=True)
    machine.begin_step(5, training=True)
    return machine


def _rotated(machine, data, format_=FP32, scale=1.0):
    x = machine.external("x", data.shape, format_, Role.ACTIVATION, data.astype(format_.storage))
    with machine.scope("layer1"):
        return machine.rotate(
            Tensor(x.spec, x.shape, Value(x.data, scale)), "rotated", Along(tuple(range(data.ndim - 1)))
        ).data


@given(
    size=st.sampled_from([4, 16]),
    columns=st.integers(1, 40).flatmap(
        lambda rows: st.lists(
            st.lists(st.floats(-1e6, 1e6, width=32), min_size=rows, max_size=rows), min_size=1, max_size=3
        )
    ),
)
def test_bits_are_those_of_plain_python(fp32_machine, kernels, size, columns):
    machine, x = _machine(fp32_machine, size, kernels), np.array(columns, dtype=np.float32).T
    signs = _signs(machine, "layer1", size)
    expected = [rotated_column(column, signs) for column in x.T.tolist()]
    np.testing.assert_array_equal(_rotated(machine, x).T, expected)


@pytest.mark.parametrize("size", [4, 16, 64])
def test_the_matrix_is_sylvesters_and_orthogonal(fp32_machine, size):
    machine = _machine(fp32_machine, size)
    matrix = _rotated(machine, np.eye(size))
    signs = _signs(machine, "layer1", size)
    entries = [[(-1) ** bin(i & j).count("1") * signs[j] / size**0.5 for j in range(size)] for i in range(size)]
    assert matrix.tolist() == entries
    assert (matrix.T @ matrix == np.eye(size)).all()
    assert size == 4 or len(set(signs)) == 2


def test_an_operand_leaves_its_scale(fp32_machine, rng):
    x = NVFP4.quantised(np, 100 * rng.normal(size=(16, 16)), -1, "nearest_even")
    machine = _machine(fp32_machine, 16)
    np.testing.assert_array_equal(_rotated(machine, x, NVFP4, 0.25), _rotated(machine, x * 0.25))


@pytest.mark.parametrize("batch", [3, 4, 10])
def test_exact_products_stay_as_they_are(fp32_machine, rng, batch):
    """Small integers and quarters of their sums are exact in fp32, whatever the order."""
    x, g = (rng.integers(-8, 9, (batch, n)) for n in (5, 3))
    machine = _machine(fp32_machine, 4)
    a, b = _rotated(machine, x), _rotated(machine, g)
    assert (b.T @ a == g.T @ x).all()
    assert (a != x).any() == (batch >= 4)


def _gradients(hw, state, batch):
    network = Network([parse_layer(layer) for layer in LAYERS], (7, 7, 2), 3)
    machine = Datapath(hw.recipe(), {name: value.copy() for name, value in state.items()}, seed=1, check=True)
    machine.begin_step(0, training=True, learning_rate=0.1)
    rng = np.random.default_rng(2)
    images, labels = rng.normal(size=(batch, 7, 7, 2)).astype(np.float32), rng.integers(0, 3, batch).astype(np.uint16)
    network.train_step(machine, OPTIMIZER, images, labels, batch)
    return machine.context.state, machine.program


def test_layers_learn_the_same(root):
    """In fp32 up to rounding; a bias sums what wasn't mixed."""
    plain, mixed = (
        load_hwconfig(root / "hwconfigs" / "fp32.yaml", settings)
        for settings in ([], ["numerics.weight_gradient_hadamard=4"])
    )
    network = Network([parse_layer(layer) for layer in LAYERS], (7, 7, 2), 3)
    state = initial_state(network.trace(plain.recipe(), OPTIMIZER, 10).parameters, 1, plain.recipe())
    (expected, _), (found, program) = (_gradients(hw, state, 10) for hw in (plain, mixed))
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=1e-6, err_msg=name)
    np.testing.assert_array_equal(found["linear1.bias"], expected["linear1.bias"])
    assert (found["conv2d1.weight"] != expected["conv2d1.weight"]).any()
    mixings = [op for op in program.operations if op.opcode == "hadamard"]
    assert len(mixings) == 4
    for op in mixings:
        rows, elements = op.attributes["rows"], program.tensors[op.outputs[0]].elements
        assert op.work.elements == 2 * elements
        assert op.work.elements * op.work.adds == pytest.approx(2 * elements * (rows - rows % 4) / rows)
    assert program == network.trace(mixed.recipe(), OPTIMIZER, 10).program
    assert not any(op.opcode == "hadamard" for op in network.trace(mixed.recipe(), OPTIMIZER, 3).program.operations)


@pytest.mark.parametrize("settings", [[], ["numerics.layers=[{match: first, activation: fp32}]"]])
@pytest.mark.parametrize("name", ["fp32", "nvfp4"])
def test_a_step_takes_time_where_convolutions_read_what_was_mixed(root, name, settings):
    """Nothing is converted after the transform where operands are fp32."""
    hw = load_hwconfig(root / "hwconfigs" / f"{name}.yaml", ["numerics.weight_gradient_hadamard=4", *settings])
    program = Network([parse_layer(layer) for layer in LAYERS], (7, 7, 2), 3).trace(hw.recipe(), OPTIMIZER, 8).program
    mixed = [op.outputs[0] for op in program.operations if op.opcode == "hadamard"]
    reads = [op for op in program.operations if op.opcode == "conv2d_backward_weights" and op.inputs[0] in mixed]
    assert len(reads) == (name == "fp32" or settings != [])
    assert simulate(program, hw).total_cycles > 0


def test_integers_are_refused(root):
    with pytest.raises(UserError, match=r"found 16, but numerics.activation is int8; leave it out"):
        load_hwconfig(root / "hwconfigs" / "int8_range_bn.yaml", ["numerics.weight_gradient_hadamard=16"])


def test_tokens_are_samples_of_their_own(fp32_machine, kernels):
    machine, x = _machine(fp32_machine, 4, kernels), np.arange(30, dtype=np.float32).reshape(3, 2, 5)
    rows = machine.external("x", x.shape, FP32, Role.ACTIVATION, x)
    assert machine.rotates(rows, Along((0, 1)))
    assert not machine.rotates(rows, Along((0,)))
    found = _rotated(machine, x)
    assert found.shape == x.shape
    np.testing.assert_array_equal(found.reshape(6, 5), _rotated(_machine(fp32_machine, 4, kernels), x.reshape(6, 5)))
