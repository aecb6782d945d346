"""The table of operations and the figures of a whole step: they agree with each other and with the other tables."""

from __future__ import annotations

import pandas as pd
import pytest

import accelsim
from accelsim.reports.run_folder import load as load_folder
from accelsim.reports.run_folder import save
from accelsim.reports.schema import OPERATIONS
from accelsim.simulation import explain
from accelsim.simulation.inputs import read_inputs
from accelsim.simulation.stages import trace
from accelsim.timing import place_tensors

SHARED = ["layer", "phase", "operation", "unit", "start_cycle", "end_cycle", "compute_cycles", "stall_cycles"]
SHARED += ["wait_cycles", "dram_read_bytes", "dram_write_bytes", "energy_pj"]


@pytest.fixture(scope="module", params=["int8_range_bn", "tpu_v1"])
def result(request, root):
    """A timed step of the digits."""
    hwconfig, workload = root / "hwconfigs" / f"{request.param}.yaml", root / "workloads" / "digits_cnn.yaml"
    return accelsim.simulate(hwconfig, workload, timing_only=True)


def test_operations_agree_with_the_layers_table(result):
    pd.testing.assert_frame_equal(result.operations[SHARED], result.layers[SHARED])
    sram = result.operations["sram_read_bytes"] + result.operations["sram_write_bytes"]
    assert sram.tolist() == result.layers["sram_bytes"].tolist()
    assert set(OPERATIONS) <= set(result.operations.columns)


def test_stalls_by_cause_add_up(result):
    causes = [name for name in result.operations.columns if name.startswith("stall_") and name != "stall_cycles"]
    sums = result.operations[causes].sum(axis=1) if causes else result.operations["stall_cycles"]
    assert sums.tolist() == result.operations["stall_cycles"].tolist()


def test_the_critical_path_is_the_step(result):
    operations, total = result.operations, result.summary["total_cycles"]
    assert operations["path_cycles"].sum() == total
    assert ((operations["slack_cycles"] == 0) == (operations["critical"] == 1)).all()
    assert operations.loc[operations["path_cycles"] > 0, "critical"].all()
    computing = operations.loc[operations["path_cycles"] > 0, "compute_cycles"].sum()
    assert result.summary["critical_path_compute_share"] == computing / total


def test_weight_gradient_figures_are_those_of_the_products(result):
    operations, summary = result.operations, result.summary
    products = operations[(operations["unit"] == "mac_array") & (operations["phase"] == "weight_gradient")]
    held = (products["end_cycle"] - products["start_cycle"]).sum()
    assert summary["weight_product_held_cycles"] == held
    assert summary["weight_product_beside_share"] == products["beside_serial_path_cycles"].sum() / held
    alone = summary["weight_product_alone_cycles"]
    assert products["compute_cycles"].sum() <= alone <= held
    assert summary["weight_product_hidden_share"] == 1 - summary["weight_product_extension_cycles"] / alone
    others = operations.drop(products.index)
    assert not others["beside_serial_path_cycles"].any()


def test_the_roofline_has_each_phase_and_the_whole_step(result):
    roofs, operations, summary = result.roofline, result.operations, result.summary
    timed = operations[operations["end_cycle"] > operations["start_cycle"]]
    *phases, whole = roofs.to_dict("records")
    assert {row["phase"] for row in phases} == set(timed["phase"])
    assert whole["phase"] == "step"
    assert whole["macs"] == sum(row["macs"] for row in phases) == summary["macs_per_step"]
    assert whole["dram_bytes"] == sum(row["dram_bytes"] for row in phases) == summary["dram_bytes_per_step"]
    assert max(row["cycles"] for row in phases) <= whole["cycles"] <= summary["total_cycles"]
    bytes_per_cycle = summary["dram_peak_bytes_per_s"] / (summary["clock_mhz"] * 1e6)
    for row in (*phases, whole):
        slope = row["operations_per_dram_byte"] * bytes_per_cycle
        assert row["operations_per_cycle"] == pytest.approx(row["share_of_limit"] * row["limit_operations_per_cycle"])
        assert row["limit_operations_per_cycle"] <= slope * (1 + 1e-9)
        assert row["bound"] == ("dram" if row["limit_operations_per_cycle"] == pytest.approx(slope) else "unit")


def test_every_tensor_has_the_phase_that_makes_it_or_else_reads_it_first(result):
    phases = result.dtypes.set_index("tensor")["phase"]
    for name in ("images", "labels", "conv2d1.weight", "conv2d2.product", "linear1.product"):
        assert phases[name] == "forward"
    assert phases["conv2d1.weight.momentum"] == "update"
    assert phases["conv2d2.input_gradient"] == "data_gradient"
    assert phases["conv2d2.weight_product"] == "weight_gradient"


def test_a_timed_step_reads_back_exactly(result, tmp_path):
    found = load_folder(save(result, tmp_path))
    pd.testing.assert_frame_equal(found.operations, result.operations, check_exact=True)
    assert found.trace == result.trace != b""


@pytest.mark.parametrize(
    ("capacity", "share", "moved"), [("64 KiB", 0, False), ("64 KiB", 0.3, True), ("192 KiB", 0.6, True)]
)
def test_explain_says_where_tensors_live_in_a_run(root, capacity, share, moved):
    hwconfig, workload = root / "hwconfigs" / "int8_range_bn.yaml", root / "workloads" / "digits_cnn.yaml"
    settings = [f"buffers.{name}.resident_share={share}" for name in ("input", "output")]
    settings += [f"buffers.{name}.capacity_bytes={capacity}" for name in ("input", "output")]
    run = accelsim.simulate(hwconfig, workload, timing_only=True, settings=settings)
    assert explain(hwconfig, workload, settings)["lives_in"].tolist() == run.dtypes["lives_in"].tolist()
    inputs = read_inputs(hwconfig, workload, settings=settings)
    program = trace(inputs).program
    as_issued = place_tensors(program, inputs.hw).where
    assert (run.dtypes["lives_in"].tolist() != [as_issued(tensor.index) for tensor in program.tensors]) == moved
