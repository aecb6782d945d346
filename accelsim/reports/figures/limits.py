"""The two limits of a roofline, from the hwconfig and the summary."""

from __future__ import annotations

from accelsim.reports.result import Result


def peak_macs_per_cycle(result: Result, *, arrays: int | None = None) -> float | None:
    """Multiply-accumulates that all arrays (or ``arrays`` of them) finish in a cycle, one pass each."""
    array = result.hwconfig.get("mac_array", {})
    if "rows" not in array or "columns" not in array:
        return None
    count = array.get("count", 1) if arrays is None else arrays
    return float(array["rows"] * array["columns"] * count)


def dram_bytes_per_cycle(result: Result) -> float | None:
    """Bytes that DRAM delivers in a clock cycle at its peak."""
    peak, clock = result.summary.get("dram_peak_bytes_per_s"), result.summary.get("clock_mhz")
    return float(peak) / (float(clock) * 1e6) if peak and clock else None
