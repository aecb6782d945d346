"""A synthetic Result, whole and small, with knobs for what a test varies."""

import gzip
import math
import shutil

import pandas as pd
import pytest

from accelsim.reports.page import run_page
from accelsim.reports.result import Result
from accelsim.reports.run_folder import save
from accelsim.reports.schema import (
    DTYPES,
    MAPPING,
    MEMORIES,
    MODEL_SIZE,
    OPERATIONS,
    QUANTISERS,
    ROOFLINE,
    SPEED,
    TRAFFIC,
    TRAINING_METRICS,
)

LOST = [
    ["conv1.input", 20, 64, 3, 1, 31.25],
    ["conv1.weight_codes", 20, 144, 0, 15, 37.5],
    ["x", 20, 8, 0, 0, math.inf],
]

STATISTICS = {
    "layer": ["conv1", "conv1", ""],
    "role": ["activation", "weight", "weight"],
    "format": "int8",
    "scale_factor": [0.01, 0.002, 1.0],
    "largest_magnitude": [1.25, 0.25, 3.0],
    "zero_share": [0.25, 0.5, 0.0],
    "cosine": [0.999, 0.9999, 1.0],
    "effective_bits": [5.5, 6.25, 3.0],
}

TRACE = gzip.compress(b'{"traceEvents":[]}', mtime=0)

PHASES = ("forward", "data_gradient", "weight_gradient", "update")
UNITS = {"forward": "mac_array", "data_gradient": "mac_array", "weight_gradient": "mac_array", "update": "update"}


def quantisers():
    """Two recorded steps, the last of which is ``LOST``."""
    last = pd.DataFrame(LOST, columns=QUANTISERS).assign(**STATISTICS)
    last = last.assign(saturated_share=last["saturated"] / last["elements"])
    return pd.concat([last.assign(step=10, saturated=0, saturated_share=0.0), last], ignore_index=True)


def operations(layers):
    rows, cycle = [], 0
    for index in range(len(PHASES) * layers):
        phase, layer = PHASES[index // layers], f"conv2d{index % layers + 1}"
        rows.append(_operation(index, layer, phase, cycle))
        cycle = rows[-1]["end_cycle"]
    return pd.DataFrame(rows)


def _operation(index, layer, phase, start):
    macs = 0 if phase == "update" else 4096 * (index + 1)
    row = {"layer": layer, "phase": phase, "operation": "conv2d", "unit": UNITS[phase], "index": index}
    row |= {"start_cycle": start, "end_cycle": start + 150, "compute_cycles": 100, "stall_cycles": 50, "wait_cycles": 3}
    row |= {"macs": macs, "passes": 1, "dram_read_bytes": 640, "dram_write_bytes": 128, "dram_bytes": 768}
    row |= {"sram_bytes": 4096, "energy_pj": 10.5 + index / 3, "energy_mac_pj": 4.0, "energy_lane_pj": 0.5}
    return row | {"energy_sram_pj": 1.0, "energy_dram_pj": 5.0 + index / 3}


def mapping():
    """One product in two tiles."""
    sizes = [("conv2d1", "forward", "conv2d", 1, 64, 32, 16, 32, 32, 16, 2, "m", 1, 0.5)]
    return pd.DataFrame([(0, *row) for row in sizes], columns=MAPPING)


def traffic():
    """Bytes of four classes, in two phases."""
    rows = [
        ("forward", "weight", 1024, 0, 40.0),
        ("forward", "stash", 2048, 1024, 120.0),
        ("weight_gradient", "stash", 4096, 0, 160.0),
        ("weight_gradient", "weight_gradient", 0, 512, 20.0),
        ("weight_gradient", "layer_gradient", 512, 0, 20.0),
    ]
    return pd.DataFrame(rows, columns=TRAFFIC)


def memories():
    """Two buffers that moved something and one that didn't."""
    rows = [
        ("input", 65536, 1, 64, 4000, 1000, 2.0, 4.0, 12000.0, 0.75),
        ("weight", 32768, 2, 64, 1000, 500, 2.0, 4.0, 4000.0, 0.25),
        ("output", 32768, 1, 256, 0, 0, 1.0, 3.0, 0.0, 0.0),
    ]
    return pd.DataFrame(rows, columns=MEMORIES)


def roofline(layers):
    """The phases that ``layers`` have, and the step."""
    phases = [*operations(layers)["phase"].unique(), "step"]
    rows = [(phase, 4096, 8192.0, 1024, 150, 8.0, 8192 / 150, 307.2, 8192 / 150 / 307.2, "dram") for phase in phases]
    return pd.DataFrame(rows, columns=ROOFLINE)


def hanging(layers):
    """The table of operations of a step that has one after the other, so that none has slack."""
    frame = operations(layers)
    held = frame["end_cycle"] - frame["start_cycle"]
    work = 2.0 * frame["macs"].where(frame["macs"] > 0, 64)
    frame = frame.assign(unit_number=1, slack_cycles=0, critical=1, path_cycles=held, beside_serial_path_cycles=0)
    frame = frame.assign(stall_dram_busy_cycles=15)
    frame = frame.assign(sram_read_bytes=3072, sram_write_bytes=1024, arithmetic_operations=work)
    frame = frame.assign(operations_per_dram_byte=work / frame["dram_bytes"], operations_per_cycle=work / held)
    frame = frame.assign(limit_operations_per_cycle=2048.0, share_of_limit=work / held / 2048)
    return frame[[*OPERATIONS, "stall_dram_busy_cycles"]]


def metrics(steps, steps_per_epoch=5):
    rows = []
    for step in range(1, steps + 1):
        last = step % steps_per_epoch == 0
        accuracy, loss = (0.5 + step / (4 * steps), 1.1 / step) if last else (math.nan, math.nan)
        epoch, train = (step - 1) // steps_per_epoch + 1, (2.3 / math.sqrt(step), 0.1 + 0.8 * step / steps)
        rows.append((step, epoch, 0.1, *train, 5.0 / step, 9.5, accuracy, loss))
    return pd.DataFrame(rows, columns=TRAINING_METRICS)


def speed():
    return pd.DataFrame([(5, 1, 160, 0.25, 640.0), (10, 2, 160, 0.2, 800.0)], columns=SPEED)


def dtypes():
    choice = "floating point, by choice of the hwconfig"
    rows = [
        ("conv2d1.weight", "master_weight", "conv2d1", "forward", "16x3x3x3", 432, "fp32", 32, 1728),
        ("conv2d1.weight_codes", "weight", "conv2d1", "forward", "16x3x3x3", 432, "int8", 8, 432),
        ("conv2d2.input", "activation", "conv2d2", "forward", "32", 32, "int8", 8, 32),
    ]
    ends = [("", "", "DRAM", choice), ("0.5", "nearest", "DRAM", "integer"), ("0.25", "stochastic", "SRAM", "integer")]
    return pd.DataFrame([row + end for row, end in zip(rows, ends, strict=True)], columns=DTYPES)


def summary(hwconfig, workload, **changes):
    figures = {
        "hwconfig": hwconfig,
        "workload": workload,
        "train_loss": 0.3127,
        "test_accuracy": 0.875,
        "total_cycles": 12_300_000,
        "time_per_step_s": 0.0246,
        "energy_per_step_pj": 4.2e9,
        "model_size_bytes": 1536,
        "training_memory_bytes": 3 * 2**20,
        "dram_bytes_per_step": 9216,
        "sram_bytes_per_step": 49152,
        "dram_bandwidth_bytes_per_s": 1.5e9,
        "dram_peak_bytes_per_s": 1.92e10,
        "mac_utilisation": 0.42,
        "macs_per_step": 319488,
        "images_per_step": 32,
        "steps": 10,
        "epochs": 2,
        "seed": 7,
        "area_um2": 1.75e6,
        "clock_mhz": 500.0,
        "critical_path_compute_share": 0.625,
        "weight_product_held_cycles": 450,
        "weight_product_alone_cycles": 360,
        "weight_product_extension_cycles": 90,
        "weight_product_hidden_share": 0.75,
        "train_images_per_s": 812.5,
        "time_per_epoch_s": 0.123,
        "energy_per_epoch_pj": 2.1e10,
        "complete": True,
        "assumptions": ["DRAM is plain bandwidth."],
    }
    return figures | changes


def machine():
    """What a hwconfig says of units, buffers and formats."""
    array = {"count": 2, "rows": 32, "columns": 32, "operand": "int8", "dataflow": "os", "split_products": False}
    array["accumulators"] = {"forward": "int32", "data_gradient": "int32", "weight_gradient": "int48"}
    units = {name: {"lanes": 64} for name in ("vector_unit", "norm_unit", "update_unit")}
    memory = {"capacity_bytes": 65536, "bytes_per_cycle": 64, "ports": "separate", "banks": 1}
    numerics = {"weight": "int8", "activation": {"format": "int8"}, "layer_gradient_data_path": "int8"}
    return {
        "mac_array": array,
        **units,
        "buffers": dict.fromkeys(("input", "weight", "output"), memory),
        "numerics": numerics | {"layer_gradient_weight_path": "int16"},
    }


def build(name="int8", workload="digits_cnn", layers=3, steps=10, versions=None, workload_fields=None, **changes):
    hwconfig = {"name": name, "description": "A test.", "clock_mhz": 500.0, "technology": "45nm", **machine()}
    sizes = [("weight", 2, 1000, "int8", 1000), ("norm_statistic", 4, 134, "fp32", 536)]
    return Result(
        hwconfig=hwconfig | {"dram": {"standard": "DDR4-2400"}},
        workload={"name": workload, "epochs": 2, "network": {"input_shape": [8, 8, 1]}} | (workload_fields or {}),
        summary=summary(name, workload, **changes),
        layers=operations(layers),
        metrics=metrics(steps),
        dtypes=dtypes(),
        model_size=pd.DataFrame(sizes, columns=MODEL_SIZE),
        mapping=mapping(),
        traffic=traffic(),
        memories=memories(),
        roofline=roofline(layers),
        quantisers=quantisers(),
        speed=speed(),
        operations=hanging(layers),
        trace=TRACE,
        versions={"accelsim": "0.1.0"} if versions is None else versions,
    )


@pytest.fixture(scope="session")
def make_result():
    return build


@pytest.fixture
def result():
    return build()


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """``result`` as ``save`` writes it, for many tests; who changes a file takes a ``copy``."""
    return save(build(), tmp_path_factory.mktemp("saved") / "run")


@pytest.fixture
def copy(saved, tmp_path):
    """A copy of ``saved``, which takes a hundredth of the time that another drawing of the page does."""
    return shutil.copytree(saved, tmp_path / "run")


@pytest.fixture(scope="session")
def page():
    """The page of ``result``, drawn once."""
    return run_page(build())
