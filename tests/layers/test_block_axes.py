"""Blocks lie along what each product reduces: for every product of every kind of layer, element by element."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.datapath import Datapath, NumpyKernels
from accelsim.datapath.units.matrices import as_matrices
from accelsim.formats import FP32, Role, TensorRule, format_by_name
from accelsim.formats.blocks import Along
from accelsim.formats.reference import integer_block, mx_block
from accelsim.hardware import load_hwconfig
from accelsim.layers import Sgd
from accelsim.layers.layer import parse_layer
from accelsim.machine import Value
from accelsim.networks import Network
from accelsim.program import Phase, TensorSpec
from accelsim.tracing import Tracer

OPTIMIZER = Sgd(learning_rate=0.05)
ROLES = ("weight", "activation", "layer_gradient_data_path", "layer_gradient_weight_path")
WHOLE_LINES = ("matmul_backward_data", "matmul_backward_weights", "batched_matmul")
"""Products whose operands are quantised for them, in rows or columns as they are multiplied."""
SHARING = 2
"""Heads of queries that have the same keys, in the case of grouped-query attention."""
EITHER_MACHINE = [[], ["numerics.weight_gradient_hadamard=4"]]


class Numbered(Tracer):
    """In place of values, tensors hold the numbers of their elements, from 1 on: so views show what they move."""

    def __init__(self, recipe):
        self.products = []
        super().__init__(recipe)

    def execute(self, operation, inputs, outputs):
        if operation.gemms:
            self.products.append((operation, inputs, outputs[0]))
        return [_numbers(spec) for spec in outputs]

    def load(self, parameter, spec):
        super().load(parameter, spec)
        return _numbers(spec)


def _numbers(spec: TensorSpec) -> Value:
    return Value(np.arange(1, spec.elements + 1).reshape(spec.shape))


def _blocks(spec: TensorSpec) -> np.ndarray:
    """The block of each element, by its number; 0 is the padding, which is in none."""
    places, axes = np.indices(spec.shape), [axis % len(spec.shape) for axis in spec.along.axes]
    along = np.ravel_multi_index([places[axis] for axis in axes], [spec.shape[axis] for axis in axes])
    run, place = np.divmod(along, spec.along.run or along.max() + 1)
    beside = [places[axis] for axis in range(len(spec.shape)) if axis not in axes]
    keys = np.stack([run, place // spec.format.block, *beside]).reshape(len(beside) + 2, -1)
    found = np.unique(keys, axis=1, return_inverse=True)[1].reshape(-1)
    return np.concatenate([[-1], found])


def _machine(root, block, *more):
    formats = [f"numerics.{role}=bfp8_b{block}" for role in ROLES]
    return load_hwconfig(root / "hwconfigs" / "mxfp8.yaml", [*formats, *more]).recipe()


def _lines(operation, inputs, output):
    """Each operand of each product as (spec, lines along which the product adds up)."""
    operands = [tensor.spec for tensor in inputs[:2]]
    if operation.opcode.endswith("backward_weights"):
        operands.reverse()
    for matrices in as_matrices(NumpyKernels(), operation, inputs, output):
        yield from zip(operands, (matrices.left, matrices.right.T), strict=True)


@pytest.mark.parametrize("more", EITHER_MACHINE, ids=["plain", "rotated"])
@settings(max_examples=4, deadline=None)
@given(batch=st.integers(1, 9), block=st.integers(2, 8))
def test_no_product_reduces_a_part_of_a_block(root, all_cases, more, batch, block):
    """Of a block, a sum takes every element that its operand has, or none: so one scale stands for all of its terms."""
    recipe, looked_at = _machine(root, block, *more), set()
    for network in all_cases:
        machine = Numbered(recipe)
        network.train_in_parts(machine, OPTIMIZER, None, None, batch, 1)
        for operation, inputs, output in machine.products:
            for spec, lines in _lines(operation, inputs, output):
                if spec.format.family == "block":
                    looked_at.add(operation.opcode)
                    _check(operation, spec, lines)
    assert looked_at == {"conv2d", "conv2d_backward_data", "conv2d_backward_weights", "matmul", *WHOLE_LINES}


def _check(operation, spec, lines):
    held = _blocks(spec)
    blocks = held[lines]
    sizes = np.bincount(held[np.unique(lines[lines > 0])])
    row, column = np.nonzero(lines)
    places, counts = np.unique(row * len(sizes) + blocks[row, column], return_counts=True)
    whole = counts == sizes[places % len(sizes)]
    assert whole.all(), f"{operation.name} reduces a part of a block of {spec.name}"
    if operation.opcode in WHOLE_LINES:
        taken = np.bincount(places // len(sizes))
        length, runs = lines.shape[1], 1
        if operation.opcode == "batched_matmul" and length == SHARING * spec.along.run_in(spec.shape):
            # Rows of heads that share keys are one line, but blocks stay within a head.
            length, runs = length // SHARING, SHARING
        fewest = runs * math.ceil(length / spec.format.block)
        assert (taken == fewest).all(), f"{operation.name} reads short blocks of {spec.name}"


def _traced(root, layers, shape, batch, *more, block=4):
    network = Network([parse_layer(layer) for layer in layers], shape, 3)
    return network.trace(_machine(root, block, *more), OPTIMIZER, batch).program


@pytest.mark.parametrize(
    ("window", "axes"),
    [
        ({"kernel": 1}, (-4, -3, -2)),
        ({"kernel": 1, "stride": 2}, (-4,)),
        ({"kernel": 1, "padding": 1}, (-4,)),
        ({"kernel": 3, "padding": 1}, (-4,)),
    ],
    ids=["1x1", "1x1 strided", "1x1 padded", "3x3"],
)
def test_a_convolution_of_one_tap_is_a_dense_layer_over_pixels(root, window, axes):
    """Any other meets shifted pixels with each tap, and images alone lie alike for all of them."""
    layers = [{"conv2d": {"filters": 5, "kernel": 1}}, {"conv2d": {"filters": 4, **window}}, "flatten"]
    program = _traced(root, [*layers, {"linear": {"units": 3}}], (6, 6, 2), 8)
    operands = [
        t for t in program.tensors if t.name in ("conv2d2.input_weight_gradient", "conv2d2.gradient_weight_path")
    ]
    assert [tensor.along for tensor in operands] == [Along(axes)] * 2


def test_a_transform_mixes_along_the_blocks(root):
    layers = [{"conv2d": {"filters": 4, "kernel": 2, "stride": 2}}, "tokens", {"linear": {"units": 5}}]
    program = _traced(root, [*layers, "mean_token", {"linear": {"units": 3}}], (6, 6, 2), 8, EITHER_MACHINE[1][0])
    mixed = [op for op in program.operations if op.opcode == "hadamard"]
    assert len(mixed) == 6
    for operation in mixed:
        (reader,) = (op for op in program.operations if op.inputs == operation.outputs[:1])
        read = program.tensors[reader.outputs[0]]
        assert operation.attributes["rows"] == read.along.run_in(read.shape)
        assert [axis % len(read.shape) for axis in read.along.axes] == list(range(len(read.along.axes)))
    runs = {operation.attributes["rows"] for operation in mixed}
    assert runs == {8, 8 * 9}


SHAPES = st.lists(st.integers(1, 6), min_size=2, max_size=4).map(tuple)


@st.composite
def _tensors(draw):
    """A shape, and neighbours among its axes, as one run or as several."""
    shape = draw(SHAPES)
    first = draw(st.integers(0, len(shape) - 1))
    last = draw(st.integers(first, len(shape) - 1))
    along = Along(tuple(range(first, last + 1)))
    length = along.run_in(shape)
    return shape, along._replace(run=draw(st.sampled_from([0, *(n for n in range(1, length + 1) if length % n == 0)])))


def _quantised(hw, kernels, shape, along, format_, seed):
    rule = TensorRule(format_)
    recipe = hw.recipe()
    machine = Datapath(
        replace(recipe, rules={**recipe.rules, Role.GRADIENT_WEIGHT: rule}), {}, seed=1, kernels=kernels, check=True
    )
    machine.begin_step(0, training=True)
    x = np.random.Generator(np.random.PCG64(seed)).standard_t(2, size=shape).astype(np.float32)
    handle = machine.external("g", shape, FP32, Role.ACCUMULATOR, x)
    return x, machine.quantise(handle, Role.GRADIENT_WEIGHT, axis=along)


@pytest.mark.parametrize("name", ["bfp6_b4", "mxfp8_e4m3", "int4_b5"])
@given(tensor=_tensors(), seed=st.integers(0, 1000))
def test_several_axes_against_plain_python(fp32_machine, kernels, name, tensor, seed):
    """Elements in the order of their axes, cut into blocks; each block by the oracle of its format."""
    (shape, along), format_ = tensor, format_by_name(name)
    x, made = _quantised(fp32_machine, kernels, shape, along, format_, seed)
    held, values, codes = _blocks(made.spec)[1:], x.reshape(-1), np.asarray(made.data).reshape(-1)
    for block in range(held.max() + 1):
        members = [float(value) for value in values[held == block]]
        if name.startswith("int"):
            expected = integer_block(members, format_, "nearest_even")
        else:
            expected = mx_block(members, format_, "nearest_even")[1]
        assert [Fraction(float(code)) for code in codes[held == block]] == [Fraction(v) for v in expected]
    bits = x.size * format_.bits + (held.max() + 1) * format_.scale_bits
    assert made.spec.bytes == math.ceil(bits / 8)


def test_few_texts_of_many_tokens_fill_their_blocks(root):
    """8 texts of 64 tokens are 512 rows: 16 scales for each of the channels, not one for each token."""
    layers = [{"embedding": {"vocabulary": 3, "width": 6}}, {"linear": {"units": 3}}]
    program = _traced(root, layers, (64,), 8, block=32)
    read = {t.name: t for op in program.operations if op.phase is Phase.WEIGHT_GRADIENT for t in program.inputs_of(op)}
    for name, width in (("linear1.input_weight_gradient", 6), ("linear1.gradient_weight_path", 3)):
        assert read[name].bytes == 512 * width + 16 * width
    assert read["embedding1.gradient_weight_path"].bytes == 512 * 6 + 16 * 6
