"""Rotary position embeddings: the table against mathematics, turns against plain integers, on each backend."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accelsim.datapath import reference_attention as reference
from accelsim.datapath.kernels.rotation import FRACTION_BITS, rotation_rows
from accelsim.formats import FP32, Role, format_by_name
from accelsim.hardware import load_hwconfig
from accelsim.layers import Sgd
from accelsim.layers.layer import parse_layer
from accelsim.networks import Network

fixtures = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
BASES = st.sampled_from([1.5, 100.0, 10000.0, 500000.0])


def _angles(tokens, d, base):
    return [[position * base ** (-2 * i / d) for i in range(d // 2)] for position in range(tokens)]


@given(tokens=st.integers(1, 40), pairs=st.integers(1, 8), base=BASES)
def test_the_table_holds_cosines_and_sines(tokens, pairs, base):
    table = np.array([[number / 2**FRACTION_BITS for number in row] for row in rotation_rows(tokens, 2 * pairs, base)])
    angles = np.array(_angles(tokens, 2 * pairs, base))
    np.testing.assert_allclose(table, np.concatenate([np.cos(angles), np.sin(angles)], axis=1), atol=1e-13)


def test_far_positions_lose_nothing():
    """Every entry is on the circle to 80 bits, and 2048 turns by 1 are one by 2048."""
    row = [Fraction(number, 2**FRACTION_BITS) for number in list(rotation_rows(2049, 8, 10000.0))[-1]]
    for cosine, sine in zip(row[:4], row[4:], strict=True):
        assert abs(cosine**2 + sine**2 - 1) < Fraction(1, 2**80)
    assert (float(row[0]), float(row[4])) == pytest.approx((math.cos(2048), math.sin(2048)), abs=1e-15)


def test_formats_and_bytes(int8_machine, fp32_machine, on_machine, operand):
    for hw, of, name, held in ((int8_machine, "int32", "int16", 2), (fp32_machine, "fp32", "fp32", 4)):
        machine = on_machine(hw)
        x = operand(machine, "x", format_by_name(of), np.zeros((2, 5, 12)))
        table = machine.rotation_table(x, 6, 100.0)
        assert (table.format.name, table.shape, table.spec.bytes) == (name, (5, 6), 5 * 6 * held)
        assert table.spec.persistent
        assert machine.rotation_table(x, 6, 100.0) is table
        exact = np.array(_angles(5, 6, 100.0))
        exact = np.concatenate([np.cos(exact), np.sin(exact)], axis=1)
        np.testing.assert_allclose(table.data * table.scale, exact, atol=2.0**-15 if held == 2 else 2.0**-25)


@pytest.mark.parametrize("direction", ["rotary", "rotary_backward"])
@fixtures
@given(data=st.data(), tokens=st.integers(1, 4), heads=st.integers(1, 2), base=BASES)
def test_against_plain_integers(int8_machine, on_machine, operand, kernels, direction, data, tokens, heads, base):
    """Also where the largest codes leave no room for a pair that is turned."""
    machine, d = on_machine(int8_machine, kernels), 4
    largest = data.draw(st.sampled_from([2**20, 2**30 - 1, 2**31 - 1]))
    count = tokens * heads * d
    drawn = data.draw(st.lists(st.integers(-largest, largest), min_size=count, max_size=count))
    x = operand(machine, "x", format_by_name("int32"), np.array(drawn).reshape(1, tokens, heads * d), 0.25)
    table = machine.rotation_table(x, d, base)
    y = getattr(machine, direction)(x, table, "turned")
    shift = int(max(map(abs, drawn)) >= 2**30)
    rows, angles = np.array(drawn).reshape(tokens, heads * d).tolist(), np.asarray(table.data).tolist()
    sign = 1 if direction == "rotary" else -1
    expected = [
        reference.turned([code >> shift for code in row], cosines_and_sines, sign)
        for row, cosines_and_sines in zip(rows, angles, strict=True)
    ]
    assert np.asarray(y.data)[0].tolist() == expected
    assert (y.scale, y.format.name) == (0.25 * 2**shift, "int32")


@fixtures
@given(values=st.lists(st.floats(-1e6, 1e6, width=32), min_size=12, max_size=12))
def test_floats_are_rounded_once(fp32_machine, on_machine, operand, kernels, values):
    machine, x = on_machine(fp32_machine, kernels), np.array(values, dtype=np.float32).reshape(1, 3, 4)
    x = operand(machine, "x", FP32, x)
    table = machine.rotation_table(x, 4, 10.0)
    y, angles = np.asarray(machine.rotary(x, table, "turned").data), np.asarray(table.data).astype(np.float64)
    for token, (a, b, c, d) in enumerate(np.asarray(x.data)[0].astype(np.float64)):
        (c0, c1), (s0, s1) = angles[token, :2], angles[token, 2:]
        exact = [a * c0 - b * s0, a * s0 + b * c0, c * c1 - d * s1, c * s1 + d * c1]
        np.testing.assert_array_equal(y[0, token], np.array(exact).astype(np.float32))


@pytest.mark.parametrize("name", ["int8_range_bn", "fp32", "fp8_hybrid"])
def test_there_and_back(root, on_machine, operand, kernels, rng, name):
    """The opposite angle undoes a turn, up to what was rounded; and lengths of pairs stay."""
    machine = on_machine(load_hwconfig(root / "hwconfigs" / f"{name}.yaml"), kernels)
    of = format_by_name("int32" if name == "int8_range_bn" else "fp32")
    values = rng.integers(-(2**24), 2**24, size=(2, 6, 8))
    x = operand(machine, "x", of, values, 2.0**-10)
    table = machine.rotation_table(x, 4, 10000.0)
    turned = machine.rotary(x, table, "turned")
    back = machine.rotary_backward(turned, table, "back")
    real = values * 2.0**-10
    np.testing.assert_allclose(np.asarray(back.data) * back.scale, real, atol=np.abs(real).max() * 2.0**-13)
    lengths = [np.hypot(each[..., ::2], each[..., 1::2]) for each in (np.asarray(turned.data) * turned.scale, real)]
    np.testing.assert_allclose(*lengths, atol=np.abs(real).max() * 2.0**-13)
    np.testing.assert_allclose(np.asarray(turned.data)[:, 0] * turned.scale, real[:, 0], rtol=1e-6)


def test_channels_with_scales_of_their_own(int8_machine, on_machine, operand, kernels, rng):
    """Pairs are of channels with different scales, which are brought to one first."""
    machine = on_machine(int8_machine, kernels)
    codes, scales = rng.integers(-(2**20), 2**20, size=(2, 5, 8)), rng.uniform(0.01, 3, size=8)
    x = operand(machine, "x", format_by_name("int32"), codes, scales)
    table = machine.rotation_table(x, 8, 10.0)
    y = machine.rotary(x, table, "turned")
    held, real = np.asarray(table.data) * table.scale, codes * scales
    a, b, cosine, sine = real[..., ::2], real[..., 1::2], held[:, :4], held[:, 4:]
    found = np.asarray(y.data) * y.scale
    tolerance = 4 * np.abs(codes).max() * scales.max() * 2.0**-29
    np.testing.assert_allclose(found[..., ::2], a * cosine - b * sine, atol=tolerance)
    np.testing.assert_allclose(found[..., 1::2], a * sine + b * cosine, atol=tolerance)


def test_a_table_is_shared_and_no_parameter(int8_machine):
    """Two layers, forward and backward, read one tensor that no layer made and nothing updates."""
    attention = {"multi_head_attention": {"heads": 2, "rotary": {}}}
    layers = [{"embedding": {"vocabulary": 5, "width": 8}}, attention, attention, {"linear": {"units": 5}}]
    traced = Network([parse_layer(layer) for layer in layers], (6,), 5).trace(
        int8_machine.recipe(), Sgd(learning_rate=0.1), 4
    )
    (table,) = (tensor for tensor in traced.program.tensors if tensor.persistent and tensor.role is Role.INTERNAL)
    readers = [op.opcode for op in traced.program.operations if table.index in op.inputs]
    assert readers == ["rotary"] * 4 + ["rotary_backward"] * 4
    assert table.name not in traced.parameters
    assert (table.name, table.bytes) == ("rotation_6x4_10000", 48)
    assert all(table.index not in op.outputs for op in traced.program.operations)
