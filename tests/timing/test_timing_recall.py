"""Runs of pipelines that come again are recalled: with the same result, and without being run."""

import numpy as np
import pytest

from accelsim.hardware import Level
from accelsim.program import Unit
from accelsim.timing.memory.dram_model import DramModel
from accelsim.timing.memory.transfers import Transfers
from accelsim.timing.pipelines.channel import ChannelField
from accelsim.timing.pipelines.loops import assemble
from accelsim.timing.pipelines.recall import records
from accelsim.timing.pipelines.stalls import LEAD_IN, LEAD_OUT
from accelsim.timing.plan import Piece, Segment
from accelsim.timing.rows import Rows
from accelsim.timing.scheduling.fast_schedule import UNITS, FastSchedule, Work, Workplace
from accelsim.timing.scheduling.least_left import Asked, LeastLeft

ROOM = (2, 2, 0)


@pytest.fixture
def scheduled(load, plain_dram):
    """Schedules operations side by side: when they end, their stalls, and how often states were compared."""
    dram = DramModel.of(plain_dram(load("int8_range_bn"), 1))
    level = Level(name="l2", capacity_bytes=1024, bytes_per_cycle=1)
    long, loading = Segment((Piece(10, 30, 5),), 1000), Segment((Piece(40, 30, 0),), 900)
    storing = Segment((Piece.of((10, 0), 1, (0, 3000)),), 2)
    varied = Segment(tuple(Piece(10 + i, 30, 5) for i in range(20)), 50)
    both, once = Segment((varied, *storing.body)), Segment((Piece(100, 1, 0),))
    each = [long, loading, storing, varied, both, once, Segment(varied.body, 5)]
    loops = assemble(each, Transfers(dram.cost, [level]))
    on_units = np.array([UNITS.index(unit) for unit in (Unit.MAC_ARRAY, Unit.VECTOR, Unit.NORM, Unit.VECTOR)])

    def schedule(place, ranks, programs, busy):
        """``programs``: those above, by number; or -1, which moves nothing. A fourth operation waits for the second."""
        count = len(programs)
        units, order = on_units[:count], Rows.of([(), (), (), (1,)][:count])
        asked = Asked(np.array(busy), np.zeros(count), units == on_units[0])
        left = LeastLeft(asked, 1, asked.chains(order, range(count)))
        work = Work(units, np.ones(count, np.int64), np.array(programs), np.array(busy))
        held, _ = FastSchedule(work, order, ranks, loops, place, left, 1, None).run()
        return held.end_cycles.tolist(), held.stalls.tolist(), int(place.channel[ChannelField.CHECKS])

    return schedule


def workplace(prefetch=False):
    return Workplace(ROOM, 1, records(), prefetch=prefetch)


def test_runs_of_pipelines_are_recalled(scheduled):
    """A run that ended by itself before any later horizon, one that was stopped as far from its beginning alone."""
    place, compared = workplace(), []
    for busy_cycles in (40_000, 50_000, 7_000, 7_000, 60_000):
        ended, _, checks = scheduled(place, [0, 1], [0, -1], [30_000, busy_cycles])
        assert ended == [10 + 30 * 1000 + 5, busy_cycles]
        compared.append(checks > 0)
    assert compared == [True, False, True, False, False]


def test_a_run_is_recalled_for_the_same_order_of_service_alone(scheduled):
    place, orders = workplace(), ([0, 1], [1, 0])
    fresh = [scheduled(workplace(), ranks, [0, 1], [30_000, 27_000]) for ranks in orders]
    found = [scheduled(place, ranks, [0, 1], [30_000, 27_000]) for ranks in (*orders, *orders)]
    assert [each[:2] for each in found] == [each[:2] for each in (*fresh, *fresh)]
    assert found[2][2] < found[0][2]
    assert fresh[0][0] != fresh[1][0]


def test_a_recalled_run_counts_the_stalls_of_a_pipeline_that_had_worked(scheduled):
    """Its last store goes on through a level, beside a longer pipeline, when lane work ends and another run begins."""
    place, operations = workplace(), ([0, 1, 2], [2, 3, -1], [2, 30_000, 4_000])
    fresh, recalled = (scheduled(place, *operations) for _ in range(2))
    assert recalled[:2] == fresh[:2]
    assert recalled[2] < fresh[2]
    (ended, *_), (stalls, *_) = fresh[:2]
    # Tiles come at 10 and 20, and are worked off a cycle later; only then are both stored.
    assert (ended, stalls[LEAD_IN], stalls[LEAD_OUT]) == (20 + 2 * 3000, 10, ended - 21)


def test_a_recalled_run_goes_on_from_the_stalls_that_a_pipeline_has(scheduled):
    """A run from one end of lane work to the next, in which the last work ends, recalled 100 cycles later."""
    place, ranks = workplace(), [1, 2, 0, 3]
    first = scheduled(place, ranks, [4, -1, -1, -1], [30_001, 5_000, 1, 26_500])
    # Here, the first load waits until another pipeline has had the channel.
    operations = [4, -1, 5, -1], [30_001, 5_100, 1, 26_500]
    fresh, recalled = (scheduled(each, ranks, *operations) for each in (workplace(), place))
    assert recalled[:2] == fresh[:2]
    assert recalled[2] < fresh[2]
    assert recalled[0][0] == first[0][0] + 100
    # 4 cycles of the store before, and the last one.
    assert recalled[1][0][LEAD_OUT] == first[1][0][LEAD_OUT] == 4 + 3_000


def test_a_recalled_run_leaves_at_work_what_is_in_its_tail(scheduled):
    """With prefetch, tails are told; another pipeline ends the run while the first one's last store goes on."""
    place = workplace(prefetch=True)
    fresh, recalled = (scheduled(place, [0, 1], [2, 6], [2, 3_000]) for _ in range(2))
    assert recalled[:2] == fresh[:2]
    assert recalled[2] < fresh[2]
    assert fresh[0][0] == 20 + 2 * 3_000 > fresh[0][1]
