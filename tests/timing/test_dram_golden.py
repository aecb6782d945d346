"""The closed forms of DRAM against DRAMsim3's figures (tests/golden/dram)."""

import csv
import math
from pathlib import Path

import pytest

from accelsim.hardware import Dram
from accelsim.timing import DramModel

GOLDEN = Path(__file__).parents[1] / "golden" / "dram"
PICOSECONDS = 1e6  # a clock in MHz: with it, cycles are so short that rounding up doesn't show
LONG_BYTES = 1 << 28
CLOCKS = {
    "tCL_ns": "CL", "tCWL_ns": "CWL", "tRCD_ns": "tRCD", "tRP_ns": "tRP", "tRRD_S_ns": "tRRD_S", "tRRD_L_ns": "tRRD_L",
    "tFAW_ns": "tFAW", "t32AW_ns": "t32AW", "tCCD_S_ns": "tCCD_S", "tCCD_L_ns": "tCCD_L", "tWTR_S_ns": "tWTR_S",
    "tRFC_ns": "tRFC", "tREFI_ns": "tREFI",
}  # fmt: skip
PATTERNS = {"seq64": "streaming", "hseq": "streaming", "rnd": "random", "hrnd": "random"}
FIRST_ROWS = {"hit": "hit", "conf": "conflict"}


def rows(name):
    with (GOLDEN / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


CONFIGS = {row["config"]: row for row in rows("dramsim3_configs.csv")}
CHECKS = rows("dramsim3_checks.csv")
BOUND_BY_BANKS = ("DDR4_8Gb_x4_2933", "rnd")
"""The row where tRC / banks, which the file's formula lacks, binds."""
BANDWIDTHS = [row for row in CHECKS if row["pattern"] in PATTERNS]
LATENCIES = [row for row in CHECKS if row["pattern"] in FIRST_ROWS]


def described(config, **choices):
    """A hwconfig's dram section with the parameters of one DRAMsim3 configuration laid over a standard."""
    clock = float(config["tCK_ns"])
    timing = {name: clock * int(config[column]) for name, column in CLOCKS.items()}
    timing |= {"tRC_ns": clock * (int(config["tRAS"]) + int(config["tRP"]))}
    timing["tRTW_ns"] = clock * (int(config["CL"]) + int(config["BL"]) // 2 + 2 - int(config["CWL"]))
    organisation = {
        "channel_bits": int(config["bus_width"]),
        "data_rate_mtps": math.ceil(1000 * int(config["transfers_per_clock"]) / clock),
        "burst_length": int(config["BL"]),
        "bank_groups": int(config["bankgroups"]),
        "banks_per_group": int(config["banks_per_group"]),
        "row_bytes": int(config["columns"]) * int(config["bus_width"]) // 8,
    }
    return Dram(standard="DDR4-2400", channels=1, organisation=organisation, timing=timing, **choices)


@pytest.fixture
def model_of(int8_machine):
    def model(dram):
        return DramModel.of(int8_machine.model_copy(update={"dram": dram, "clock_mhz": PICOSECONDS}))

    return model


def test_every_row_is_checked():
    assert len(BANDWIDTHS) == 16
    assert len(LATENCIES) == 6
    assert len(CHECKS) == 22


@pytest.mark.parametrize("row", BANDWIDTHS, ids=lambda row: f"{row['config']}-{row['pattern']}")
def test_bandwidth(row, model_of):
    model = model_of(described(CONFIGS[row["config"]], pattern=PATTERNS[row["pattern"]]))
    found = LONG_BYTES / model.cost(LONG_BYTES, write=False).stream_cycles * 1000
    assert found == pytest.approx(model.bytes_per_cycle * 1000, rel=1e-6)
    if (row["config"], row["pattern"]) == BOUND_BY_BANKS:
        assert found / float(row["dramsim3"]) == pytest.approx(1.103, abs=0.001)
        return
    assert found == pytest.approx(float(row["model"]), abs=0.011)
    assert 100 * (found / float(row["dramsim3"]) - 1) == pytest.approx(float(row["model_error_pct"]), abs=0.1)


@pytest.mark.parametrize("row", LATENCIES, ids=lambda row: f"{row['config']}-{row['pattern']}")
def test_latency_of_one_read(row, model_of):
    """DRAMsim3's latency ends with the last data of the burst, in memory clocks."""
    config = CONFIGS[row["config"]]
    model = model_of(described(config, first_row=FIRST_ROWS[row["pattern"]]))
    burst = model.cost(model.burst_bytes, write=False).bus_cycles
    clock = float(config["tCK_ns"]) * 1000
    found = (model.latency_cycles + burst) / clock
    assert found == pytest.approx(float(row["model"]), abs=0.011)
    assert 100 * (found / float(row["dramsim3"]) - 1) == pytest.approx(float(row["model_error_pct"]), abs=0.1)
