"""Comparing from Python: results, run folders and hwconfigs beside each other."""

import pytest

import accelsim


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
