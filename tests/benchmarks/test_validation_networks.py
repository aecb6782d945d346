"""The networks that stand in the validation table, by what was published of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from validation_parts.forward import Deployed, machine
from validation_parts.googlenet import GOOGLENET, INCEPTIONS
from validation_parts.networks import ALEXNET, ALEXNET_CONV, ALEXNET_IMAGE, CNN0, CNN0_INPUT, DENSE, IMAGE, DenseStack

from accelsim.formats import Role
from accelsim.layers import run
from accelsim.networks.network import named

NVDLA_SHEET_GOOGLENET_MACS = 1_569_826_816
"""Sum of the spreadsheet's column of multiplications; it leaves out the 1x1 convolution before the second layer."""
CONV2_REDUCE_MACS = 56 * 56 * 64 * 64


def traced_macs(layers, shape, batch=1):
    """Multiplications of a forward pass, by the layers themselves."""
    m = Deployed(machine("tpu_v1").recipe())
    m.begin(training=False)
    run(m, named(layers), m.external("images", (batch, *shape), m.recipe[Role.ACTIVATION].format, Role.ACTIVATION))
    return sum(operation.macs for operation in m.program.operations)


@pytest.mark.parametrize(
    ("name", "products_a_byte", "megabytes"),
    [("mlp0", 200, 20), ("mlp1", 168, 5), ("lstm0", 64, 52), ("lstm1", 96, 34)],
)
def test_dense_stand_ins_have_the_published_weights_and_intensity(name, products_a_byte, megabytes):
    stack = DENSE[name]
    weights = stack.layers * stack.width**2
    assert weights == pytest.approx(megabytes * 1e6, rel=2e-3)
    assert traced_macs(stack.stack, (1, 1, stack.width), stack.batch) == products_a_byte * weights


@given(st.integers(1, 60), st.floats(1e4, 1e9))
def test_stand_in_is_the_nearest_square(layers, weights):
    stack = DenseStack(layers, weights, 1)
    off = [abs(layers * width**2 - weights) for width in (stack.width - 1, stack.width, stack.width + 1)]
    assert off[1] <= min(off) + layers  # half a unit of width lies half a unit of weights off the middle


def test_cnn0_has_the_published_intensity():
    weights = 16 * 9 * 256 * 256
    assert traced_macs(CNN0, CNN0_INPUT, 8) == 2888 * weights


def test_alexnet_is_its_convolutions_and_dense_layers():
    convolutions = sum(lone_macs(lone) for lone in ALEXNET_CONV)
    assert convolutions == 665_784_864
    assert traced_macs(ALEXNET, ALEXNET_IMAGE) == convolutions + 9216 * 4096 + 4096 * 4096 + 4096 * 1000


def lone_macs(lone):
    return traced_macs([lone.layer], lone.input_shape)


def test_googlenet_is_the_spreadsheets():
    assert traced_macs(GOOGLENET, IMAGE) == NVDLA_SHEET_GOOGLENET_MACS + CONV2_REDUCE_MACS


def test_inceptions_follow_each_other():
    """Filters of the last one before the dense layer, and of the two before the halvings (Szegedy et al., table 1)."""
    out = {name: one + three + five + pool for name, (one, _, three, _, five, pool) in INCEPTIONS.items()}
    assert (out["3b"], out["4e"], out["5b"]) == (480, 832, 1024)
