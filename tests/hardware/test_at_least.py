"""A machine that has all of another one's hardware."""

import pytest

from accelsim.hardware import HardwareConfig, has_at_least

MORE = [
    ("mac_array", {"count": 64}),
    ("mac_array", {"fold_overlap": "overlapped"}),
    ("mac_array", {"edge_folds": "used"}),
    ("mac_array", {"tiling": "search"}),
    ("mac_array", {"prefetch": True}),
    ("vector_unit", {"lanes": 4096}),
    ("norm_unit", {"lanes": 4096}),
    ("quantise_unit", {"lanes": 4096}),
    ("update_unit", {"lanes": 4096}),
    ("buffers.input", {"capacity_bytes": 1 << 24}),
    ("buffers.weight", {"bytes_per_cycle": 1 << 16}),
    ("buffers.output", {"banks": 64}),
    ("dram", {"channels": 64}),
    ("dram", {"first_row": "hit"}),
]
OTHER = [
    ("mac_array", {"rows": 4096}),
    ("mac_array", {"overflow": "saturate"}),
    ("mac_array", {"dataflow": "is"}),
    ("mac_array", {"tiling_goal": "traffic"}),
    ("buffers.input", {"resident_share": 0.9}),
    ("dram", {"standard": "HBM2-2000"}),
    ("dram", {"pattern": "random"}),
    ("dram", {"timing": {"tRP_ns": 10}}),
    ("dram", {"latency_ns": 0}),
    ("dram", {"first_row": "conflict"}),
    ("norm_unit", {"spread": "l1"}),
]


def edited(hw, part, **changes):
    fields = hw.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    here = fields
    for name in part.split("."):
        here = here[name]
    here.update(changes)
    return HardwareConfig.model_validate(fields)


@pytest.fixture
def hw(load):
    return load("int8_range_bn")


@pytest.mark.parametrize(("part", "changes"), MORE, ids=lambda value: str(value))
def test_more_of_one_thing_is_at_least_as_much(hw, part, changes):
    more = edited(hw, part, **changes)
    assert more != hw
    assert has_at_least(more, hw)
    assert not has_at_least(hw, more)


@pytest.mark.parametrize(("part", "changes"), OTHER, ids=lambda value: str(value))
def test_other_hardware_is_not_comparable(hw, part, changes):
    other = edited(hw, part, **changes)
    assert not has_at_least(other, hw)


def test_residents_and_tiles_both_need_the_room(hw):
    larger = 2 * hw.buffers.input.capacity_bytes
    assert has_at_least(edited(hw, "buffers.input", capacity_bytes=larger), hw)
    all_resident = edited(hw, "buffers.input", capacity_bytes=larger, resident_share=0.99)
    assert not has_at_least(all_resident, hw)


def test_names_and_energy_do_not_count(hw):
    assert has_at_least(hw.model_copy(update={"name": "other", "description": "x"}), hw)


def test_another_clock_is_another_machine(hw):
    assert not has_at_least(hw.model_copy(update={"clock_mhz": 2 * hw.clock_mhz}), hw)


def with_dram(hw, **dram):
    fields = hw.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    return HardwareConfig.model_validate({**fields, "dram": dram})


def as_bandwidth(hw, **dram):
    return with_dram(hw, **{"model": "bandwidth", "bandwidth_bytes_per_s": 1e9, "energy_pj_per_bit": 1.0, **dram})


def test_bandwidth_and_latency(hw):
    slow = as_bandwidth(hw, latency_ns=50)
    fast = as_bandwidth(hw, latency_ns=20, bandwidth_bytes_per_s=2e9, standard="any label")
    assert has_at_least(fast, slow)
    assert not has_at_least(slow, fast)
    assert not has_at_least(fast, hw)
    assert not has_at_least(hw, fast)


def test_no_latency_is_none_at_all_where_dram_is_a_bandwidth(hw):
    none, zero, some = as_bandwidth(hw), as_bandwidth(hw, latency_ns=0), as_bandwidth(hw, latency_ns=50)
    assert has_at_least(none, zero)
    assert has_at_least(zero, none)
    assert has_at_least(none, some)
    assert not has_at_least(some, none)


def test_no_latency_is_that_of_the_standard_where_there_is_one(hw):
    own, one, two = (
        with_dram(hw, standard="DDR4-2400", **latency) for latency in ({}, *({"latency_ns": n} for n in (1, 2)))
    )
    assert not has_at_least(own, one)
    assert not has_at_least(one, own)
    assert has_at_least(one, two)
    assert not has_at_least(two, one)


def test_the_row_that_is_found_counts_where_no_latency_is_given(hw):
    def machine(first_row, **latency):
        return with_dram(hw, standard="DDR4-2400", first_row=first_row, **latency)

    rows = ["hit", "closed", "conflict"]
    for i, better in enumerate(rows):
        for j, worse in enumerate(rows):
            assert has_at_least(machine(better), machine(worse)) == (i <= j)
            assert has_at_least(machine(better, latency_ns=9), machine(worse, latency_ns=9))


def test_bandwidth_counts_with_its_efficiency(hw):
    whole = as_bandwidth(hw)
    double = as_bandwidth(hw, bandwidth_bytes_per_s=2e9, efficiency=0.6)
    as_much = as_bandwidth(hw, bandwidth_bytes_per_s=2e9, efficiency=0.5)
    less = as_bandwidth(hw, bandwidth_bytes_per_s=2e9, efficiency=0.4)
    assert has_at_least(double, whole)
    assert has_at_least(as_much, whole)
    assert has_at_least(whole, as_much)
    assert not has_at_least(less, whole)


def test_a_unit_that_the_other_one_lacks(load):
    without = load("fp32").model_copy(update={"quantise_unit": None})
    beside = HardwareConfig.model_validate({**without.model_dump(exclude_none=True), "quantise_unit": {"lanes": 16}})
    assert has_at_least(beside, without)
    assert not has_at_least(without, beside)


def test_one_array_has_nothing_to_share(hw):
    def machine(count, split):
        return edited(hw, "mac_array", count=count, split_products=split)

    assert has_at_least(machine(1, True), machine(1, False))
    assert has_at_least(machine(1, False), machine(1, True))
    assert has_at_least(machine(3, True), machine(2, True))
    for split in (False, True):
        assert has_at_least(machine(2, split), machine(1, not split))
        assert not has_at_least(machine(2, split), machine(2, not split))
        assert not has_at_least(machine(1, split), machine(2, not split))
