"""Which figures of a cluster are of all its machines, and which of one."""

from __future__ import annotations

from collections.abc import Sequence

from accelsim.reports.result import Result

ONE_MACHINE = "Of one machine of the cluster, as all are alike."
OF_ONE = frozenset(
    (
        "training_memory_bytes",
        "dram_bytes_per_step",
        "sram_bytes_per_step",
        "dram_bandwidth_bytes_per_s",
        "dram_peak_bytes_per_s",
    )
)
"""Figures that would be larger by the number of machines, and aren't."""
OF_ALL = frozenset(
    (
        "energy_per_step_pj",
        "energy_low_pj",
        "energy_high_pj",
        "energy_static_pj",
        "energy_per_epoch_pj",
        "energy_delay_product_j_s",
        "achieved_tops",
        "peak_tops",
        "macs_per_step",
        "area_um2",
        "buffer_area_um2",
    )
)
"""Figures that a reader may take for those of one machine."""


def is_cluster(result: Result) -> bool:
    """Whether several machines shared the batch."""
    return int(result.summary.get("machines") or 1) > 1


def whose(key: str, result: Result) -> str:
    """``; of all machines`` behind the definition of a figure of a cluster; empty where there is no question."""
    if not is_cluster(result):
        return ""
    return "; of all machines" if key in OF_ALL else "; of one machine" if key in OF_ONE else ""


def cluster_notes(results: Sequence[Result]) -> list[str]:
    """What a reader has to know who compares clusters with each other, or with one machine."""
    if not any(map(is_cluster, results)):
        return []
    return [
        "Of a cluster, samples, energy, compute rates and areas are those of all machines; training memory, DRAM "
        "traffic, bandwidth, cycles and shares those of one."
    ]
