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
]
OTHER = [
    ("mac_array", {"rows": 4096}),
    ("mac_array", {"overflow": "saturate"}),
    ("mac_array", {"dataflow": "is"}),
    ("buffers.input", {"resident_share": 0.9}),
    ("dram", {"standard": "HBM2-2000"}),
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


def test_bandwidth_and_latency(load):
    def machine(**dram):
        fields = load("int8_range_bn").model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        fields["dram"] = {"model": "bandwidth", "bandwidth_bytes_per_s": 1e9, "energy_pj_per_bit": 1.0, **dram}
        return HardwareConfig.model_validate(fields)

    slow, fast = machine(latency_ns=50), machine(latency_ns=20, bandwidth_bytes_per_s=2e9, standard="any label")
    assert has_at_least(fast, slow)
    assert not has_at_least(slow, fast)
    assert has_at_least(machine(), slow)  # no latency at all
    assert not has_at_least(slow, machine())
    assert not has_at_least(fast, load("int8_range_bn"))
