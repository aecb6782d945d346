"""Throughput and efficiency of a timed step: samples, operations and energy against time."""

from __future__ import annotations

from accelsim.hardware import HardwareConfig

OPERATIONS_PER_MAC = 2
"""A multiplication and an addition; work of other units than the MAC array isn't counted."""
_TERA = 1e12


def throughput(samples: int, tokens: int | None, seconds: float) -> dict[str, float | None]:
    """Samples, and tokens where samples are texts, that the accelerator takes in a second of its own time.

    ``samples`` and ``tokens`` are those of one step, ``seconds`` how long it lasts at the hwconfig's clock.
    """
    return {
        "samples_per_s": samples / seconds,
        "tokens_per_s": tokens / seconds if tokens else None,
    }


def efficiency(hw: HardwareConfig, macs: int, seconds: float, energy_pj: float) -> dict[str, float | None]:
    """TOPS, TOPS/W and energy-delay product of a step of ``macs`` products; None where no energy was spent.

    ``energy_pj`` is what the step's operations take (compute, SRAM, DRAM transfers): static energy is not in it. The
    peak is that of all arrays at their clock, with operands as wide as their multipliers. Of a cluster, products,
    energy and peak are those of all its machines.
    """
    operations = OPERATIONS_PER_MAC * macs
    peak_per_s = hw.machines * OPERATIONS_PER_MAC * hw.mac_array.macs_per_cycle * hw.clock_mhz * 1e6
    return {
        "achieved_tops": operations / seconds / _TERA,
        "peak_tops": peak_per_s / _TERA,
        "tops_per_w": operations / energy_pj if energy_pj else None,
        "energy_delay_product_j_s": energy_pj * 1e-12 * seconds if energy_pj else None,
    }
