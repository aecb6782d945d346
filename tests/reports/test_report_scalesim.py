"""SCALE-Sim's reports of its own topologies, from topology file to CSV, against every recorded row."""

from __future__ import annotations

import csv
import shutil

import pytest

import accelsim
from accelsim.errors import UserError
from accelsim.hardware.memory import Level
from accelsim.networks.importers.scalesim_config import import_scalesim_config
from accelsim.reports.scalesim import write_scalesim_reports
from accelsim.timing import simulate
from accelsim.timing.mapping.operands import product_operands
from accelsim.timing.memory.levels import DRAM

TOPOLOGIES = {"conv6": "topo_conv6.txt", "gemm12": "topo_gemm12.txt", "resnet18": "shipped/Resnet18.csv"}
ARRAYS = ("8x8", "8x16", "16x16", "128x128")
GOLDEN = [
    f"{net}_{dataflow}_{array}"
    for net in TOPOLOGIES
    for dataflow in ("os", "ws", "is")
    for array in ARRAYS
    if (net == "resnet18") == (array == "128x128")
]


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file, skipinitialspace=True))


@pytest.fixture(scope="module", params=GOLDEN)
def reports(request, golden, tmp_path_factory):
    """Recorded rows, and ours with an imported scale.cfg of the same array and dataflow, in CALC mode."""
    net, dataflow, array = request.param.split("_")
    folder = tmp_path_factory.mktemp(request.param)
    cfg = (golden / "scalesim" / "shipped" / "scale.cfg").read_text().replace("64", "4096")
    rows, columns = array.split("x")
    cfg = cfg.replace("ArrayHeight:    32", f"ArrayHeight: {rows}").replace(
        "ArrayWidth:     32", f"ArrayWidth: {columns}"
    )
    (folder / "a.cfg").write_text(cfg.replace("Dataflow : ws", f"Dataflow : {dataflow}"))
    (folder / "hw.yaml").write_text(import_scalesim_config(folder / "a.cfg"))
    shutil.copy(golden / "scalesim" / TOPOLOGIES[net], folder / "net.csv")
    accelsim.simulate(folder / "hw.yaml", folder / "net.csv", timing_only=True, scalesim_reports=folder)
    recorded = table(golden / "scalesim" / f"{request.param}.csv")
    names = ("COMPUTE_REPORT", "BANDWIDTH_REPORT", "DETAILED_ACCESS_REPORT")
    ours = [table(folder / f"{name}.csv") for name in names]
    assert [len(rows) for rows in ours] == [len(recorded)] * 3
    return [list(rows) for rows in zip(recorded, *ours, strict=True)]


def test_cycles(reports):
    """Ours are counts; SCALE-Sim gives the last cycle's index. Without stalls, first fetch and last store are left."""
    for recorded, compute, _, _ in reports:
        assert int(recorded["stall_cycles"]) == 0
        assert int(compute["Total Cycles"]) == int(recorded["total_cycles"]) + 1
        held, work, stall = (int(compute[name]) for name in list(compute)[1:4])
        assert held == work + stall
        assert stall <= 2


def test_utilisation(reports):
    for recorded, compute, _, _ in reports:
        assert float(compute["Mapping Efficiency %"]) == pytest.approx(float(recorded["mapping_eff"]), abs=1e-4)
        count = int(recorded["total_cycles"])
        expected = float(recorded["overall_util"]) * count / (count + 1)
        assert float(compute["Overall Util %"]) == pytest.approx(expected, abs=1e-4)
        if recorded["dataflow"] == "os":
            assert float(compute["Compute Util %"]) == pytest.approx(float(recorded["compute_util"]), abs=1e-4)


def test_sram_words(reports):
    for recorded, compute, bandwidth, accesses in reports:
        rows, columns = int(recorded["R"]), int(recorded["C"])
        folds = -(-int(recorded["M"]) // rows) * -(-int(recorded["N"]) // columns)
        surplus = folds * (rows + columns) if recorded["dataflow"] == "os" else 0
        assert int(accesses["SRAM IFMAP Reads"]) == int(recorded["ifmap_sram_reads"])
        assert int(accesses["SRAM Filter Reads"]) == int(recorded["filter_sram_reads"])
        assert int(accesses["SRAM OFMAP Writes"]) + surplus == int(recorded["ofmap_sram_writes"])
        rate = int(accesses["SRAM IFMAP Reads"]) / int(compute["Total Cycles"])
        assert float(bandwidth["Avg IFMAP SRAM BW"]) == pytest.approx(rate)


def test_dram_words_of_operands_that_fit_the_buffers(reports):
    """4 MiB buffers: each operand is read once (SCALE-Sim passes over pixels that no window needs)."""
    for recorded, _, _, accesses in reports:
        k, n = int(recorded["K"]), int(recorded["N"])
        assert int(accesses["DRAM Filter Reads"]) == k * n
        assert int(accesses["DRAM OFMAP Writes"]) == int(recorded["M"]) * n
        assert int(accesses["DRAM IFMAP Stop Cycle"]) >= int(accesses["DRAM IFMAP Start Cycle"])


def test_any_program_has_reports(root, tmp_path):
    """A training step: one row for each operation of the array, wide operands and strided gradients included."""
    hwconfig, workload = root / "hwconfigs" / "int8_range_bn.yaml", root / "workloads" / "digits_cnn.yaml"
    layers = accelsim.simulate(hwconfig, workload, timing_only=True, scalesim_reports=tmp_path / "new").layers
    products = layers[layers["unit"] == "mac_array"]
    compute = table(tmp_path / "new" / "COMPUTE_REPORT.csv")
    assert [int(row["Total Cycles"]) for row in compute] == products["compute_cycles"].tolist()
    assert [int(row["LayerID"]) for row in compute] == list(range(len(products)))


@pytest.mark.parametrize("with_level", [False, True])
@pytest.mark.parametrize("hwconfig", ["int8_range_bn", "fp32"])
def test_dram_figures_are_those_of_dram_alone(trace, load, tmp_path, hwconfig, with_level):
    """Operands that levels give aren't read from DRAM, nor are biases IFMAP or filters."""
    program, hw = trace(hwconfig), load(hwconfig)
    if with_level:
        level = Level(name="l2", capacity_bytes=8 << 20, bytes_per_cycle=256, resident_share=0.5)
        hw = hw.model_copy(update={"buffers": hw.buffers.model_copy(update={"levels": (level,)})})
    timeline = simulate(program, hw)
    write_scalesim_reports(program, timeline, hw, tmp_path)
    products = [operation for operation in program.operations if operation.gemms]
    biased = 0
    for operation, row in zip(products, table(tmp_path / "DETAILED_ACCESS_REPORT.csv"), strict=True):
        operands, timing = product_operands(program, operation), timeline.operations[operation.index]
        in_dram = [tensor for tensor in operands.extra if timeline.residency.place(tensor.index) == DRAM]
        biased += len(in_dram)
        words = [int(row[f"DRAM {name} Reads"]) for name in ("IFMAP", "Filter")]
        read = sum(
            count * tensor.bytes // tensor.elements
            for count, tensor in zip(words, (operands.left, operands.right), strict=True)
        )
        assert read + sum(tensor.bytes for tensor in in_dram) == timing.dram_read_bytes
        assert (int(row["DRAM OFMAP Writes"]) > 0) == (timing.dram_write_bytes > 0)
        kept = [timeline.residency.place(tensor.index) != DRAM for tensor in (operands.left, operands.right)]
        assert not any(count for count, stays in zip(words, kept, strict=True) if stays)
    assert (biased > 0) == (hwconfig == "fp32")


def test_results_are_counted_in_the_format_in_which_they_are_stored(trace, load, tmp_path):
    """Accumulators that are converted in the drain: as many words as there are results, though of fewer bytes."""
    program, hw = trace("bf16"), load("bf16")
    timeline = simulate(program, hw)
    write_scalesim_reports(program, timeline, hw, tmp_path)
    products = [operation for operation in program.operations if operation.gemms]
    found = 0
    for operation, row in zip(products, table(tmp_path / "DETAILED_ACCESS_REPORT.csv"), strict=True):
        (output,), moved = program.outputs_of(operation), timeline.operations[operation.index].dram_write_bytes
        if output.index in timeline.residency.drained and 0 < moved < output.bytes:
            assert int(row["DRAM OFMAP Writes"]) == output.elements
            found += 1
    assert found


def test_a_folder_that_cannot_be_made(root, tmp_path):
    (tmp_path / "file").touch()
    hwconfig, workload = root / "hwconfigs" / "int8_range_bn.yaml", root / "workloads" / "digits_cnn.yaml"
    with pytest.raises(UserError, match=r"file: cannot take SCALE-Sim's reports"):
        accelsim.simulate(hwconfig, workload, timing_only=True, scalesim_reports=tmp_path / "file")


def test_the_layout_is_scale_sims(golden, tmp_path, load):
    shutil.copy(golden / "scalesim" / "topo_gemm12.txt", tmp_path / "net.csv")
    accelsim.simulate(load("tpu_v1"), tmp_path / "net.csv", timing_only=True, scalesim_reports=tmp_path)
    lines = (tmp_path / "COMPUTE_REPORT.csv").read_text().splitlines()
    assert lines[0] == (
        "LayerID, Total Cycles (incl. prefetch), Total Cycles, Stall Cycles, Overall Util %, Mapping Efficiency %,"
        " Compute Util %,"
    )
    assert lines[1].startswith("0, ")
    assert lines[1].endswith(",")
