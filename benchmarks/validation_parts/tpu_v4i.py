"""TPU v4i: peak and areas, as no network's rate was found."""

from __future__ import annotations

from accelsim.energy import area_um2
from validation_parts.forward import machine
from validation_parts.rates import peak_tops
from validation_parts.rows import Row


def tpu_v4i() -> list[Row]:
    """Peak, one array, and the large memory."""
    hw = machine("tpu_v4i")
    array, memory, costs = hw.mac_array, hw.buffers.input, hw.costs()
    multiplier = costs.figure("multiply_um2", array.operand_format)
    return [
        Row("tpu_v4i.peak", "peak", peak_tops(hw), "4 x 128 x 128 x 2 x 1.05 GHz; the paper rounds."),
        Row(
            "tpu_v4i.mxu_mm2",
            "area of one array",
            area_um2(hw)["mac_array"] / array.count / 1e6,
            f"A bf16 multiplier ({multiplier:.0f} um2) and an fp32 adder for each place, by 45 nm figures scaled to "
            "7 nm, which are not to be trusted so far; without registers, wires and what feeds the array.",
        ),
        Row(
            "tpu_v4i.cmem_mm2",
            "area of CMEM, 128 MiB",
            memory.banks * costs.sram_mm2(memory.bank_bytes, memory.word_bits),
            "One memory of this size, by a power law of the technology's largest; the chip's is of many banks (how "
            "many was not found) with their wires.",
        ),
    ]
