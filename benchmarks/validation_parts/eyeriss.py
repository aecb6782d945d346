"""Eyeriss on the convolutions of AlexNet (batch 4) and VGG-16 (batch 3)."""

from __future__ import annotations

from collections.abc import Sequence

from accelsim.formats import Role
from accelsim.hardware import HardwareConfig
from validation_parts.forward import Forward, machine
from validation_parts.networks import ALEXNET_CONV, VGG16_CONV, Lone
from validation_parts.rows import Row

SUMS = "mac_array.accumulators.forward=int16"
"""The chip keeps 16 bits of a sum (recalled); the shipped file, which trains, keeps 48."""
SINGLE = tuple(f"buffers.{buffer}.double_buffered=false" for buffer in ("input", "weight", "output"))
WORD_BYTES = 2
ACTIVE = {"CONV1": 154, "CONV2": 135, "CONV3": 156, "CONV4": 156, "CONV5": 156}
"""Active processing elements of 168 (table V, recalled)."""


def eyeriss() -> list[Row]:
    """Layer by layer, then whole networks."""
    hw = machine("eyeriss", SUMS)
    layers = {layer.name: layer.timed(hw, 4) for layer in ALEXNET_CONV}
    alexnet = list(layers.values())
    vgg16 = timed(VGG16_CONV, hw, 3)
    chip, low, high = (chip_pj_per_mac(timed(ALEXNET_CONV, each, 4)) for each in (hw, *bounds()))
    single = timed(ALEXNET_CONV, machine("eyeriss", SUMS, *SINGLE), 4)
    weight_stationary = timed(ALEXNET_CONV, machine("eyeriss", SUMS, "mac_array.dataflow=ws"), 4)
    return [
        Row("eyeriss.alexnet.mmacs", "AlexNet, MACs an image", macs(alexnet) / 4 / 1e6, "Shapes and groups agree."),
        *(_processing(name, run) for name, run in layers.items()),
        *(_total(name, run) for name, run in layers.items()),
        *(_energy(name, run) for name, run in layers.items()),
        Row(
            "eyeriss.alexnet.fps",
            "AlexNet",
            4 / seconds(alexnet),
            "Idle places and passes that row stationary loses are not modelled (too fast); more DRAM traffic than the "
            "chip's, over a link whose speed is recalled (too slow). Weight stationary as the stand-in would give "
            f"{4 / seconds(weight_stationary):.1f}.",
        ),
        Row(
            "eyeriss.alexnet.dram_per_mac",
            "AlexNet, DRAM",
            words_per_mac(alexnet),
            f"Moving every operand once would take {words_once(alexnet):.4f}; without double buffering, which halves "
            f"the tiles, the model takes {words_per_mac(single):.4f}. The chip compresses activations, keeps weights "
            "in the scratch pads too, and deals its buffer out anew for each layer.",
        ),
        Row(
            "eyeriss.alexnet.chip_pj_per_mac",
            "AlexNet, chip without DRAM",
            chip,
            f"Band {low:.2f} to {high:.2f}. Arithmetic and the buffers' bytes alone: the scratch pads that feed every "
            "multiplication, clock, wires, control and leakage are not modelled.",
        ),
        _power("alexnet", "AlexNet", alexnet),
        Row(
            "eyeriss.vgg16.fps",
            "VGG-16",
            3 / seconds(vgg16),
            f"The chip reaches {100 * 0.7 * macs(vgg16) / 3 / (168 * 200e6):.0f} % of its peak. What row stationary "
            "loses on these shapes is not modelled.",
        ),
        Row("eyeriss.vgg16.dram_per_mac", "VGG-16, DRAM", words_per_mac(vgg16), "As for AlexNet."),
        _power("vgg16", "VGG-16", vgg16),
    ]


def _processing(name: str, run: Forward) -> Row:
    ours = 1e3 * run.array_cycles / (run.hw.clock_mhz * 1e6)
    least = 1e3 * run.macs / (ACTIVE[name] * 200e6)
    why = f"Every place works here; the chip uses {ACTIVE[name]} of 168, which take {least:.1f} ms at least."
    return Row(f"eyeriss.alexnet.{name}.processing", f"AlexNet {name}, processing", ours, why)


def _total(name: str, run: Forward) -> Row:
    waits = 100 * run.wait_cycles / run.total_cycles
    why = f"{waits:.0f} % of ours is waiting for DRAM, whose speed and latency are assumed."
    return Row(f"eyeriss.alexnet.{name}.total", f"AlexNet {name}, total", 1e3 * run.seconds, why)


def _energy(name: str, run: Forward) -> Row:
    each, arithmetic = run.chip_pj / run.macs, run.energy.mac_pj / run.macs
    why = f"{each:.2f} pJ a multiplication here, of which arithmetic {arithmetic:.2f}; what is missing stands below."
    return Row(f"eyeriss.alexnet.{name}.energy", f"AlexNet {name}, energy without DRAM", run.chip_pj / 1e9, why)


def _power(key: str, title: str, runs: Sequence[Forward]) -> Row:
    why = "The energy above over the model's own time: too little in less time."
    power_mw = sum(run.chip_pj for run in runs) / 1e9 / seconds(runs)
    return Row(f"eyeriss.{key}.power", f"{title}, power without DRAM", power_mw, why)


def bounds() -> list[HardwareConfig]:
    return [machine("eyeriss", SUMS, f"energy.bound={bound}") for bound in ("low", "high")]


def timed(layers: Sequence[Lone], hw: HardwareConfig, batch: int) -> list[Forward]:
    return [layer.timed(hw, batch) for layer in layers]


def macs(runs: Sequence[Forward]) -> int:
    return sum(run.macs for run in runs)


def seconds(runs: Sequence[Forward]) -> float:
    return sum(run.seconds for run in runs)


def words_per_mac(runs: Sequence[Forward]) -> float:
    return sum(run.dram_bytes for run in runs) / WORD_BYTES / macs(runs)


def words_once(runs: Sequence[Forward]) -> float:
    """Words of all operands and results over MACs."""
    kept = (tensor for run in runs for tensor in run.program.tensors if tensor.role in (Role.ACTIVATION, Role.WEIGHT))
    return sum(tensor.bytes for tensor in kept) / WORD_BYTES / macs(runs)


def chip_pj_per_mac(runs: Sequence[Forward]) -> float:
    return sum(run.chip_pj for run in runs) / macs(runs)
