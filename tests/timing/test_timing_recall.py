"""Runs of pipelines that come again are recalled: with the same result, and without being run."""

import numpy as np
import pytest

from accelsim.program import Unit
from accelsim.timing.memory.dram_model import DramModel
from accelsim.timing.memory.transfers import Transfers
from accelsim.timing.pipelines.channel import ChannelField
from accelsim.timing.pipelines.loops import assemble
from accelsim.timing.pipelines.recall import records
from accelsim.timing.plan import Piece, Segment
from accelsim.timing.scheduling.fast_schedule import UNITS, FastSchedule, Work, Workplace
from accelsim.timing.scheduling.least_left import Asked, LeastLeft
from accelsim.timing.scheduling.ordering import Rows

ROOM = (2, 2, 0)


@pytest.fixture
def scheduled(load, plain_dram):
    """Schedules two operations side by side: when they end, and how often states were compared."""
    dram = DramModel.of(plain_dram(load("int8_range_bn"), 1))
    loops = assemble([Segment((Piece(10, 30, 5),), 1000), Segment((Piece(40, 30, 0),), 900)], Transfers(dram.cost))
    units = np.array([UNITS.index(unit) for unit in (Unit.MAC_ARRAY, Unit.VECTOR)])
    on_array, order = np.array([True, False]), Rows.of([(), ()])

    def schedule(place, ranks, programs, busy):
        asked = Asked(np.array(busy), np.zeros(2), on_array)
        left = LeastLeft(asked, 1, asked.chains(order, range(2)))
        work = Work(units, np.ones(2, np.int64), np.array(programs), np.array(busy))
        held, _ = FastSchedule(work, order, ranks, loops, place, left, 1, None).run()
        return held.end_cycles.tolist(), int(place.channel[ChannelField.CHECKS])

    return schedule


def test_runs_of_pipelines_are_recalled(scheduled):
    """A run that ended by itself before any later horizon, one that was stopped as far from its beginning alone."""
    place, compared = Workplace(ROOM, 1, records(), prefetch=False), []
    for busy_cycles in (40_000, 50_000, 7_000, 7_000, 60_000):
        # Lane work that moves nothing ends at the horizon.
        ended, checks = scheduled(place, [0, 1], [0, -1], [30_000, busy_cycles])
        assert ended == [10 + 30 * 1000 + 5, busy_cycles]
        compared.append(checks > 0)
    assert compared == [True, False, True, False, False]


def test_a_run_is_recalled_for_the_same_order_of_service_alone(scheduled):
    programs, busy, orders = [0, 1], [30_000, 27_000], ([0, 1], [1, 0])
    fresh = [scheduled(Workplace(ROOM, 1, records(), prefetch=False), ranks, programs, busy) for ranks in orders]
    place = Workplace(ROOM, 1, records(), prefetch=False)
    found = [scheduled(place, ranks, programs, busy) for ranks in (*orders, *orders)]
    assert [ended for ended, _ in found] == [ended for ended, _ in (*fresh, *fresh)]
    assert found[2][1] < found[0][1]
    assert fresh[0] != fresh[1]
