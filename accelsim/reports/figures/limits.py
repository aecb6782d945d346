"""The two limits of a roofline, from the hwconfig and the summary."""

from __future__ import annotations

from accelsim.reports.result import Result


def peak_macs_per_cycle(result: Result) -> float | None:
    """Multiply-accumulates that all arrays finish in a cycle, one pass each."""
    array = result.hwconfig.get("mac_array", {})
    if "rows" not in array or "columns" not in array:
        return None
    return float(array["rows"] * array["columns"] * array.get("count", 1) / array.get("cycles_per_mac", 1))


def product_macs_per_cycle(result: Result) -> float | None:
    """The same for one product: a single array, or all where they share each product."""
    peak, array = peak_macs_per_cycle(result), result.hwconfig.get("mac_array", {})
    return peak / array.get("count", 1) if peak and not array.get("split_products", False) else peak


def dram_bytes_per_cycle(result: Result) -> float | None:
    """Bytes that DRAM delivers in a clock cycle at its peak."""
    peak, clock = result.summary.get("dram_peak_bytes_per_s"), result.summary.get("clock_mhz")
    return float(peak) / (float(clock) * 1e6) if peak and clock else None
