"""NVDLA's large configuration and Gemmini's default on ResNet-50 and AlexNet, one image at a time."""

from __future__ import annotations

from validation_parts.eyeriss import seconds, timed
from validation_parts.forward import Forward, forward, machine
from validation_parts.networks import ALEXNET_CONV, ALEXNET_DENSE, RESNET50_INPUT, resnet50
from validation_parts.rows import Row

CONV1_TAPS, CONV1_PIXELS, CONV1_FILTERS = 7 * 7, 112 * 112, 64


def resnet50_on(name: str, *, whole: bool = False) -> Forward:
    return forward(machine(name), resnet50().network.layers, RESNET50_INPUT, 1, whole=whole)


def nvdla() -> list[Row]:
    """Three published figures of one quantity; they disagree, so all are shown."""
    hw = machine("nvdla_full")
    run, everything = resnet50_on("nvdla_full"), resnet50_on("nvdla_full", whole=True)
    passes = CONV1_TAPS * CONV1_PIXELS * CONV1_FILTERS // hw.mac_array.columns
    slow_first_layer = passes / (hw.clock_mhz * 1e6)
    resnet_why = (
        f"Products alone; with pooling, sums and ReLU as operations of their own {1 / everything.seconds:.0f}. The "
        "array's rows take any 64 terms, NVDLA's 64 channels of one pixel: an image's three would fill 3 of 64, and "
        f"the first layer take {1e3 * slow_first_layer:.2f} ms, where all take {1e3 * run.seconds:.2f} here (a mode "
        "for images, which the chip has, is not modelled). DRAM bandwidth is the interface's."
    )
    conv, all_layers = (1 / seconds(timed(layers, hw, 1)) for layers in (ALEXNET_CONV, (*ALEXNET_CONV, *ALEXNET_DENSE)))
    alexnet_why = (
        "Convolutions alone, for the first layer's reason too fast. With dense layers, whose 58.6 MB of weights cross "
        f"DRAM for one image, {all_layers:.0f}: the spreadsheet must share them among images, or leave them out."
    )
    column = " Which assumptions the column stands for is not known."
    return [
        Row("nvdla.resnet50.fps_a", "ResNet-50, spreadsheet A", 1 / run.seconds, resnet_why + column),
        Row("nvdla.resnet50.fps_b", "ResNet-50, spreadsheet B", 1 / run.seconds, "As above." + column),
        Row("nvdla.resnet50.fps_primer", "ResNet-50, primer", 1 / run.seconds, "As above."),
        Row("nvdla.alexnet.fps_a", "AlexNet, spreadsheet A", conv, alexnet_why + column),
        Row("nvdla.alexnet.fps_b", "AlexNet, spreadsheet B", conv, "As above." + column),
        Row(
            "nvdla.resnet50.tops_per_w",
            "ResNet-50, chip without DRAM",
            2 * run.macs / run.chip_pj,
            "Arithmetic and buffers alone, by interpolated 16 nm figures; clock, wires, registers, control and "
            "leakage, which would lower it, are not modelled; zeros are not gated, which would raise it.",
        ),
    ]


def gemmini() -> list[Row]:
    """One frame rate."""
    run, everything = resnet50_on("gemmini"), resnet50_on("gemmini", whole=True)
    why = (
        f"Products alone, {100 * run.compute_cycles / run.total_cycles:.0f} % of whose time is the array's work: a "
        f"bound, not a prediction. With other operations {1 / everything.seconds:.1f}. Not modelled: the CPU that "
        "issues every instruction, the caches, the DRAM behind the bus."
    )
    return [Row("gemmini.resnet50.fps", "ResNet-50", 1 / run.seconds, why)]
