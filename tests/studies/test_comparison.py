"""Comparing from Python: results, run folders and hwconfigs beside each other."""

import dataclasses

import pytest

import accelsim
from accelsim.hardware import HardwareConfig
from accelsim.reports.compare import comparison_warnings
from accelsim.studies.comparison import gathered


def test_hwconfigs_and_results_are_compared(root):
    hwconfig, workload = root / "hwconfigs" / "tpu_v4i.yaml", root / "workloads" / "digits_cnn.yaml"
    result = accelsim.simulate(hwconfig, workload, timing_only=True)
    found = accelsim.compare(result, hwconfig, workload=workload, settings=["mac_array.count=1"]).set_index("metric")
    first, second = found.columns[1:3]
    assert found.loc["Cycles per step", first] == result.summary["total_cycles"]
    assert found.loc["Cycles per step", second] > found.loc["Cycles per step", first]
    with pytest.raises(accelsim.UserError, match="changes hwconfigs that are timed"):
        accelsim.compare(result, result, settings=["mac_array.count=1"])
    with pytest.raises(accelsim.UserError, match="at least two"):
        accelsim.compare(result)


def more(hw: HardwareConfig) -> list[HardwareConfig]:
    """Machines with twice of one thing."""
    arrays = hw.mac_array.model_copy(update={"count": 2 * hw.mac_array.count})
    wider = {name: _twice(hw, name, "bytes_per_cycle") for name in ("input", "weight", "output")}
    larger = {"weight": _twice(hw, "weight", "capacity_bytes")}
    changes = [{"mac_array": arrays}, {"buffers": hw.buffers.model_copy(update=wider)}]
    changes.append({"buffers": hw.buffers.model_copy(update=larger)})
    return [hw.model_copy(update={"name": f"more_{i}", **change}) for i, change in enumerate(changes)]


def _twice(hw: HardwareConfig, buffer: str, field: str):
    memory = getattr(hw.buffers, buffer)
    return memory.model_copy(update={field: 2 * getattr(memory, field)})


@pytest.mark.parametrize("name", ["nvdla_full", "gemmini", "bf16"])
def test_among_hwconfigs_no_machine_is_slower_than_one_with_less(load, root, name):
    hw = load(name)
    first, *others = gathered([hw, *more(hw)], root / "workloads" / "digits_cnn.yaml")
    assert all(other.summary["total_cycles"] <= first.summary["total_cycles"] for other in others)


def test_a_slower_machine_is_timed_as_the_one_with_less(load, root):
    """The lesser machine's run is made out to be faster than any schedule of the other one alone."""
    hw, workload = load("nvdla_full"), root / "workloads" / "digits_cnn.yaml"
    greater = more(hw)[2]
    alone = accelsim.simulate(greater, workload, timing_only=True)
    lesser = accelsim.simulate(hw, workload, timing_only=True)
    as_lesser = accelsim.simulate(greater, workload, timing_only=True, runs_as=hw)
    assert as_lesser.summary["total_cycles"] == lesser.summary["total_cycles"]
    assert as_lesser.summary["buffer_area_um2"] == alone.summary["buffer_area_um2"]
    assert as_lesser.summary["runs_as"] == "nvdla_full"
    assert "runs_as" not in alone.summary
    (said,) = [text for text in as_lesser.summary["assumptions"] if text.startswith("It runs as nvdla_full")]
    assert "buffers.weight.capacity_bytes" in said
    slower = dataclasses.replace(alone, summary={**alone.summary, "total_cycles": 10**9})
    (warning,) = comparison_warnings([lesser, slower])
    assert "the schedule's fault" in warning
    assert warning.endswith("with the hwconfig.yaml of that run.")
    idle = [dataclasses.replace(one, summary={**one.summary, "runs_as": "least"}) for one in (lesser, slower)]
    (warning,) = comparison_warnings(idle)
    assert "It ran as least, which takes so long." in warning
    assert warning.endswith("with the hwconfig of least, as which that run ran.")
    stands, timed = gathered(
        [dataclasses.replace(lesser, summary={**lesser.summary, "total_cycles": 1}), greater], workload
    )
    best = min(as_lesser.summary["total_cycles"], alone.summary["total_cycles"])
    assert (stands.summary["total_cycles"], timed.summary["total_cycles"]) == (1, best)


def test_a_machine_runs_as_none_with_more(load, root):
    hw, workload = load("nvdla_full"), root / "workloads" / "digits_cnn.yaml"
    with pytest.raises(accelsim.UserError, match=r"more_2 has more of something .*buffers.weight.capacity_bytes"):
        accelsim.simulate(hw, workload, timing_only=True, runs_as=more(hw)[2])


def test_the_same_machine_by_another_name_leaves_nothing_idle(load, root):
    hw, workload = load("nvdla_full"), root / "workloads" / "digits_cnn.yaml"
    found = accelsim.simulate(hw, workload, timing_only=True, runs_as=hw.model_copy(update={"name": "other"}))
    assert "runs_as" not in found.summary
    assert not [text for text in found.summary["assumptions"] if text.startswith("It runs as")]
