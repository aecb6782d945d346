"""ResNet-20's training step on machines of many sizes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

import accelsim

ROOT = Path(__file__).parents[2]
HWCONFIG, WORKLOAD = "hwconfigs/int8_range_bn.yaml", "workloads/cifar10_resnet20.yaml"
VARY = (
    "mac_array.rows+mac_array.columns=16,32,64,128",
    "dram.standard=DDR4-2400,LPDDR4-3200,HBM2-2000",
    "buffers.input.capacity_bytes+buffers.output.capacity_bytes=64KiB,128KiB,256KiB,512KiB,1MiB",
)
COMMAND = f"accelsim sweep {HWCONFIG} {WORKLOAD} --timing-only \\\n" + " \\\n".join(f"  --vary {text}" for text in VARY)
ARRAY, DRAM, BUFFERS = (text.split("=")[0] for text in VARY)
FIGURES = ("time_per_step_s", "energy_per_step_pj", "total_area_um2", "mac_utilisation", "dram_bytes_per_step")


def points(jobs: int) -> pd.DataFrame:
    """A row for each point."""
    print(COMMAND, flush=True)
    found = accelsim.sweep(ROOT / HWCONFIG, ROOT / WORKLOAD, VARY, timing_only=True, jobs=jobs)
    return found.table[["point", ARRAY, DRAM, BUFFERS, *FIGURES, "runs_as", "failed"]]


def frontier(points: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Points that no other has less of every column than."""
    ran = points[points["failed"].isna()]
    values = ran[list(columns)].to_numpy()
    beaten = [((values <= row).all(axis=1) & (values < row).any(axis=1)).any() for row in values]
    return ran[[not each for each in beaten]].sort_values(columns[0])
