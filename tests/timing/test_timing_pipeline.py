"""The three-stage pipeline, by hand-counted examples."""

import pytest
import simpy

from accelsim.timing.dram import DramChannel
from accelsim.timing.dram_model import DramModel
from accelsim.timing.pipeline import Pipeline
from accelsim.timing.plan import Piece


@pytest.fixture
def one_byte_a_cycle(load, edit):
    hw = load("int8_range_bn")
    return edit(hw, "dram", model="bandwidth", bandwidth_bytes_per_s=hw.clock_mhz * 1e6)


def cycles(hw, pieces):
    environment = simpy.Environment()
    environment.process(Pipeline(environment, DramChannel(environment, hw), hw.buffers, pieces).run())
    environment.run()
    return environment.now


def serial(hw, edit):
    for name in ("input", "weight", "output"):
        hw = edit(hw, f"buffers.{name}", double_buffered=False)
    return hw


def test_loads_hide_behind_work(one_byte_a_cycle):
    assert cycles(one_byte_a_cycle, [Piece(10, 30, 0)] * 4) == 10 + 4 * 30


def test_work_hides_behind_loads(one_byte_a_cycle):
    assert cycles(one_byte_a_cycle, [Piece(30, 10, 0)] * 4) == 4 * 30 + 10


def test_without_double_buffering_stages_take_turns(one_byte_a_cycle, edit):
    assert cycles(serial(one_byte_a_cycle, edit), [Piece(10, 30, 0)] * 4) == 4 * (10 + 30)
    assert cycles(serial(one_byte_a_cycle, edit), [Piece(10, 30, 20)] * 4) == 4 * (10 + 30 + 20)


def test_bandwidth_bounds_everything(one_byte_a_cycle):
    pieces = [Piece(10, 1, 10)] * 50
    assert 1000 <= cycles(one_byte_a_cycle, pieces) <= 1000 + 2


def test_latency_is_charged_once_a_stream(one_byte_a_cycle, edit):
    slow = edit(one_byte_a_cycle, "dram", latency_ns=200.0)
    pieces = [Piece(10, 30, 5)] * 4
    assert DramModel.of(slow).latency_cycles == 100
    assert cycles(slow, pieces) >= cycles(one_byte_a_cycle, pieces) + 100
    assert cycles(slow, pieces) <= cycles(one_byte_a_cycle, pieces) + 200


def test_operations_on_chip_take_their_work(one_byte_a_cycle):
    assert cycles(one_byte_a_cycle, [Piece(0, 123, 0)]) == 123


def test_transfers_round_up_to_cycles(one_byte_a_cycle, edit):
    hw = edit(one_byte_a_cycle, "dram", bandwidth_bytes_per_s=one_byte_a_cycle.clock_mhz * 3e6)
    assert cycles(hw, [Piece(10, 0, 0)]) == 4
