"""Properties of the DRAM cost model, and hand-counted transfers."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.hardware import Dram, dram_standards
from accelsim.timing import DramModel, TransferCost

NAMES = sorted(dram_standards())
SIZES = st.integers(0, 1 << 24)
PATTERNS = st.sampled_from(["streaming", "random"])
names = st.sampled_from(NAMES)
STREAM_TIMINGS = ("tCL_ns", "tRCD_ns", "tRP_ns", "tRC_ns", "tRRD_S_ns", "tFAW_ns", "tCCD_S_ns", "tCCD_L_ns", "tRFC_ns")


@pytest.fixture(scope="module")
def model(int8_machine):
    def made(standard, clock_mhz=500.0, **choices):
        dram = Dram(standard=standard, **choices)
        return DramModel.of(int8_machine.model_copy(update={"dram": dram, "clock_mhz": clock_mhz}))

    return made


@settings(deadline=None)
@given(name=names, size=SIZES, channels=st.integers(1, 40), pattern=PATTERNS, write=st.booleans())
def test_more_channels_never_slower(model, name, size, channels, pattern, write):
    one, more = (model(name, channels=n, pattern=pattern).cost(size, write) for n in (channels, channels + 1))
    assert more.stream_cycles <= one.stream_cycles
    assert more.turnaround_cycles == one.turnaround_cycles


@settings(deadline=None)
@given(name=names, size=SIZES, more=st.integers(0, 10000), pattern=PATTERNS)
def test_more_bytes_never_faster(model, name, size, more, pattern):
    found = model(name, pattern=pattern)
    assert found.cost(size + more, write=False).stream_cycles >= found.cost(size, write=False).stream_cycles


@settings(deadline=None)
@given(name=names, size=SIZES, share=st.floats(0.1, 1.0), field=st.sampled_from(STREAM_TIMINGS), pattern=PATTERNS)
def test_faster_timing_is_never_slower(model, name, size, share, field, pattern):
    faster = {field: share * getattr(dram_standards()[name].timing, field)}
    slow, fast = model(name, pattern=pattern), model(name, pattern=pattern, timing=faster)
    assert fast.cost(size, write=False).stream_cycles <= slow.cost(size, write=False).stream_cycles
    assert fast.latency_cycles <= slow.latency_cycles


@settings(deadline=None)
@given(name=names, size=SIZES, more=st.integers(0, 10000), pattern=PATTERNS)
def test_a_higher_data_rate_is_never_slower(model, name, size, more, pattern):
    rate = dram_standards()[name].organisation.data_rate_mtps + more
    slow, fast = model(name, pattern=pattern), model(name, pattern=pattern, organisation={"data_rate_mtps": rate})
    assert fast.cost(size, write=False).stream_cycles <= slow.cost(size, write=False).stream_cycles


@settings(deadline=None)
@given(name=names, sizes=st.lists(SIZES, min_size=1), channels=st.integers(1, 40), pattern=PATTERNS)
def test_many_transfers_take_no_less_than_their_bound(model, name, sizes, channels, pattern):
    found = model(name, channels=channels, pattern=pattern)
    for least, size in zip(found.least_cycles(np.array(sizes, float)).tolist(), sizes, strict=True):
        assert 0 <= found.cost(size, write=False).stream_cycles - least <= 1


@settings(deadline=None)
@given(name=names, first=SIZES, second=SIZES, pattern=PATTERNS)
def test_one_transfer_is_no_slower_than_its_two_parts(model, name, first, second, pattern):
    found = model(name, pattern=pattern)
    together = found.cost(first + second, write=True).stream_cycles
    assert together <= found.cost(first, write=True).stream_cycles + found.cost(second, write=True).stream_cycles


@settings(deadline=None)
@given(name=names, size=SIZES, pattern=PATTERNS, grouped=st.booleans())
def test_parts_are_whole_and_bounded_by_the_bandwidth(model, name, size, pattern, grouped):
    found = model(name, pattern=pattern, bank_group_interleave=grouped)
    cost = found.cost(size, write=False)
    parts = (cost.bus_cycles, cost.row_cycles, cost.refresh_cycles, cost.turnaround_cycles)
    assert min(parts) >= 0
    assert sum(parts) == cost.total_cycles == cost.stream_cycles + cost.turnaround_cycles
    assert cost.stream_cycles >= size / found.bytes_per_cycle * (1 - 1e-12)


@settings(deadline=None)
@given(name=names, clock=st.sampled_from([100.0, 333.3, 500.0, 1000.0]), pattern=PATTERNS)
def test_long_transfers_reach_the_bandwidth(model, name, clock, pattern):
    found, size = model(name, clock, pattern=pattern), 1 << 30
    assert size / found.cost(size, write=True).stream_cycles == pytest.approx(found.bytes_per_cycle, rel=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_streams_reach_their_peak_less_refresh(model, name):
    row = dram_standards()[name]
    peak = row.channels * row.organisation.channel_bits * row.organisation.data_rate_mtps / 8e3
    refresh = row.timing.tRFC_ns / row.timing.tREFI_ns
    assert model(name).bytes_per_cycle * 500e6 / 1e9 == pytest.approx(peak * (1 - refresh), rel=2e-3)


@pytest.mark.parametrize("name", NAMES)
def test_worse_choices_cost_more(model, name):
    def latency(first_row):
        return model(name, 5000.0, first_row=first_row).latency_cycles

    assert latency("hit") < latency("closed") < latency("conflict")
    best = model(name).bytes_per_cycle
    assert model(name, pattern="random").bytes_per_cycle < best
    assert model(name, bank_group_interleave=False).bytes_per_cycle <= best


def test_a_stream_by_hand(model):
    """DDR4-2400 at 500 MHz: 64 bytes in 10/3 ns = 5/3 cycles; refresh takes 360.69 of 7800.21 ns."""
    found = model("DDR4-2400")
    data = Fraction(1024) * 5 / 3
    refresh = data / (1 - Fraction("360.69") / Fraction("7800.21"))
    assert found.cost(65536, write=False) == TransferCost(
        bus_cycles=math.ceil(data),
        row_cycles=0,
        refresh_cycles=math.ceil(refresh) - math.ceil(data),
        turnaround_cycles=math.ceil((2.499 + 13.33) / 2),
    )
    assert found.latency_cycles == math.ceil((26.66 + 360.69**2 / 7800.21 / 2) / 2)


def test_a_random_pattern_pays_for_its_rows(model):
    """16 rows take 16 x tFAW / 4 = 86.64 ns; their data 16 x 10/3 ns = 53.3 ns."""
    cost = model("DDR4-2400", 1000.0, pattern="random").cost(1024, write=True)
    assert (cost.bus_cycles, cost.bus_cycles + cost.row_cycles) == (54, 87)


def test_one_row_of_a_small_transfer_shows(model):
    """One burst holds its bank group for tFAW / 4 = 5.4 ns, and the bus for 3.3 ns."""
    cost = model("DDR4-2400", 1000.0).cost(64, write=False)
    assert (cost.bus_cycles, cost.row_cycles) == (4, 2)


@pytest.mark.parametrize(
    ("bursts", "bus", "rows"), [(1, 3.33, 5.415), (2, 6.67, 10.83), (4, 13.3, 21.66), (8, 26.7, 26.7)]
)
def test_a_short_stream_opens_a_row_in_each_bank_group_that_it_touches(model, bursts, bus, rows):
    """There are four, so that a fifth burst finds an open row. One is opened each tFAW / 4 = 5.415 ns."""
    cost = model("DDR4-2400", 1000.0).cost(64 * bursts, write=False)
    assert (cost.bus_cycles, cost.bus_cycles + cost.row_cycles) == (math.ceil(bus), math.ceil(rows))


@pytest.mark.parametrize(("bursts", "bus", "rows"), [(1, 5, 11.4525), (2, 10, 11.4525), (4, 20, 20)])
def test_a_stream_kept_in_one_bank_group_opens_one_row(model, bursts, bus, rows):
    """It takes tCCD_L = 5 ns from burst to burst, and tRC / 4 banks of a group = 11.4525 ns from row to row."""
    cost = model("DDR4-2400", 1000.0, bank_group_interleave=False).cost(64 * bursts, write=False)
    assert (cost.bus_cycles, cost.bus_cycles + cost.row_cycles) == (math.ceil(bus), math.ceil(rows))


@pytest.mark.parametrize(
    ("size", "share"), [(256, 256), (1000, 256), (1024, 256), (1025, 257), (1400, 512), (4096, 1024)]
)
def test_a_transfer_waits_for_its_busiest_channel(model, size, share):
    four, one = (model("DDR4-2400", channels=n, interleave_bytes=256) for n in (4, 1))
    assert four.cost(size, write=False) == one.cost(share, write=False)


def test_turnaround_depends_on_the_direction(model):
    found = model("HBM3-6400", 1000.0)
    assert found.cost(64, write=False).turnaround_cycles == math.ceil(4.375 + 12.5)
    assert found.cost(64, write=True).turnaround_cycles == 12.5 + 6.25 - 12.5 - 1.25


def test_nothing_costs_nothing(model):
    assert model("DDR4-2400").cost(0, write=True) == TransferCost(0, 0, 0, 0)


def test_negative_sizes_are_refused(model):
    with pytest.raises(ValueError, match="-1 bytes"):
        model("DDR4-2400").cost(-1, write=False)


@settings(deadline=None)
@given(size=SIZES, write=st.booleans())
def test_plain_bandwidth_is_size_over_bandwidth(model, size, write):
    found = model(
        "", model="bandwidth", bandwidth_bytes_per_s=19.2e9, efficiency=0.954, latency_ns=30, energy_pj_per_bit=1
    )
    assert found.cost(size, write) == TransferCost(math.ceil(Fraction(size * 500) / Fraction("18316.8")), 0, 0, 0)
    assert (found.latency_cycles, found.channels) == (15, 1)
    assert found.bytes_per_cycle == pytest.approx(36.6336)
