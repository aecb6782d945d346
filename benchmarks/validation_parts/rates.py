"""Rates and shares of time of one forward pass."""

from __future__ import annotations

from accelsim.hardware import HardwareConfig
from validation_parts.forward import Forward


def peak_tops(hw: HardwareConfig) -> float:
    return 2 * hw.mac_array.macs_per_cycle * hw.clock_mhz / 1e6


def tops(run: Forward) -> float:
    return 2 * run.macs / run.seconds / 1e12


def useful(run: Forward) -> float:
    """Percent of the peak."""
    return 100 * run.macs / (run.total_cycles * run.hw.mac_array.macs_per_cycle)


def streaming(run: Forward, steps: int) -> float:
    """Percent of the time in which rows of inputs enter the array: ``steps`` a tile of weights."""
    array = run.hw.mac_array
    gemms = [gemm for operation, _ in run.operations for gemm in operation.gemms]
    tiles = sum(gemm.count * -(-gemm.k // array.rows) * -(-gemm.n // array.columns) for gemm in gemms)
    return 100 * tiles * steps / run.total_cycles


def shifting(run: Forward, steps: int) -> float:
    """Percent of the time in which the array works and no rows of inputs enter it: weights are shifted in."""
    return 100 * run.array_cycles / run.total_cycles - streaming(run, steps)


def wait(run: Forward) -> float:
    """Percent of the time in which the array is held up by DRAM or buffers."""
    return 100 * run.wait_cycles / run.total_cycles
