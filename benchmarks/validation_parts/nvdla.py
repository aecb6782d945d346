"""NVDLA's large configuration on ResNet-50, AlexNet and GoogLeNet.

Its vendor's spreadsheet says in its own sheets what its two columns assume (read at nvdla/hw 8e06b1b): DRAM of 10 GB/s
in both, and in the one 4 MiB of SRAM behind the second interface, which reads 25 GB/s and writes 25 GB/s. The machine
gets them here, as they belong to the published figures. Dense layers share their weights among 16 images.
"""

from __future__ import annotations

from validation_parts.eyeriss import seconds, timed
from validation_parts.forward import Forward, forward, machine
from validation_parts.googlenet import GOOGLENET
from validation_parts.networks import ALEXNET, ALEXNET_CONV, ALEXNET_DENSE, ALEXNET_IMAGE, IMAGE, resnet50
from validation_parts.rows import Row

DRAM = "dram.bandwidth_bytes_per_s=10 GB/s"
# What the SRAM keeps is assumed, as in the shipped TPU v1; the rest holds tiles on their way.
SRAM = "buffers.levels=[{name: sram, capacity_bytes: 4 MiB, bytes_per_cycle: 25, resident_share: 0.75}]"
DENSE_BATCH, GOOGLENET_BATCH = 16, 11
"""Images that share weights: of dense layers in both columns; of all layers of GoogLeNet where there is SRAM."""
WINOGRAD = "Winograd's method, by which the sheet's 3x3 convolutions take 2.25 times fewer cycles, is not modelled"
PRIMER_FPS, PRIMER_WATTS, PRIMER_TOPS_PER_W = 269, 0.291, 5.4


def resnet50_on(name: str, *settings: str, whole: bool = False) -> Forward:
    return forward(machine(name, *settings), resnet50().network.layers, IMAGE, 1, whole=whole)


def nvdla() -> list[Row]:
    """Frame rates under the spreadsheet's assumptions; then the primer's figures, whose assumptions aren't known."""
    return [*_resnet50(), *_alexnet(), *_googlenet(), *_primer()]


def _resnet50() -> list[Row]:
    sram, dram = resnet50_on("nvdla_full", DRAM, SRAM), resnet50_on("nvdla_full", DRAM)
    shipped = 1 / resnet50_on("nvdla_full").seconds
    return [
        Row(
            "nvdla.resnet50.fps_a",
            "ResNet-50, spreadsheet with SRAM",
            1 / sram.seconds,
            f"Less DRAM traffic: {_traffic(sram, 1)} here, 50.4 MB in the sheet (98 %), which stores the weights of "
            "3x3 convolutions in Winograd's form, 16/9 as large.",
        ),
        Row(
            "nvdla.resnet50.fps_b",
            "ResNet-50, spreadsheet, DRAM alone",
            1 / dram.seconds,
            f"DRAM binds in both: {_traffic(dram, 1)} here, 71.5 MB in the sheet, 44.6 of them weights (25.5 here). "
            f"With the shipped file's 64 GB/s, the whole width of the interface, {shipped:.0f}.",
        ),
    ]


def _alexnet() -> list[Row]:
    sram, dram = machine("nvdla_full", DRAM, SRAM), machine("nvdla_full", DRAM)
    shared = forward(sram, ALEXNET, ALEXNET_IMAGE, DENSE_BATCH)
    convolutions = seconds(timed(ALEXNET_CONV, dram, 1))
    dense = seconds(timed(ALEXNET_DENSE, dram, DENSE_BATCH)) / DENSE_BATCH
    return [
        Row(
            "nvdla.alexnet.fps_a",
            "AlexNet, spreadsheet with SRAM",
            DENSE_BATCH / shared.seconds,
            f"{DENSE_BATCH} images share all weights in both. {_traffic(shared, DENSE_BATCH)} here, 4.1 MB in the "
            f"sheet. The array works {_array_ms(shared, DENSE_BATCH):.2f} ms an image here, 0.26 there: {WINOGRAD}; "
            f"and in dense layers a tile of weights takes 64 cycles to shift in, for {DENSE_BATCH} images.",
        ),
        Row(
            "nvdla.alexnet.fps_b",
            "AlexNet, spreadsheet, DRAM alone",
            1 / (convolutions + dense),
            f"Convolutions image by image take {1e3 * convolutions:.2f} ms, 0.54 in the sheet, which moves their "
            f"weights in Winograd's form; dense layers by {DENSE_BATCH} images {1e3 * dense:.2f} ms, there 0.36.",
        ),
    ]


def _googlenet() -> list[Row]:
    shared = forward(machine("nvdla_full", DRAM, SRAM), GOOGLENET, IMAGE, GOOGLENET_BATCH)
    one = forward(machine("nvdla_full", DRAM), GOOGLENET, IMAGE, 1)
    most = one.hw.mac_array.macs_per_cycle * one.hw.clock_mhz * 1e6 / one.macs
    return [
        Row(
            "nvdla.googlenet.fps_a",
            "GoogLeNet, spreadsheet with SRAM",
            GOOGLENET_BATCH / shared.seconds,
            f"{GOOGLENET_BATCH} images share weights in both. With all multipliers always at work {most:.0f}, so the "
            f"sheet's figure stands on Winograd's method, which is not modelled: the array works "
            f"{_array_ms(shared, GOOGLENET_BATCH):.2f} ms an image here, 0.53 there (0.79 without the method).",
        ),
        Row(
            "nvdla.googlenet.fps_b",
            "GoogLeNet, spreadsheet, DRAM alone",
            1 / one.seconds,
            f"DRAM binds in both: {_traffic(one, 1)} here, 11.8 MB in the sheet. It reads the input of an inception's "
            "first three convolutions once, and stores what is pooled after pooling; here each of them reads it, and "
            "pooling comes after the store.",
        ),
    ]


def _primer() -> list[Row]:
    run, everything = resnet50_on("nvdla_full"), resnet50_on("nvdla_full", whole=True)
    missing = "Arithmetic and buffers alone, by interpolated 16 nm figures: clock, wires, registers, control, leakage"
    implied_gmacs = 1e3 * PRIMER_TOPS_PER_W * PRIMER_WATTS / 2 / PRIMER_FPS
    return [
        Row(
            "nvdla.resnet50.fps_primer",
            "ResNet-50, primer",
            1 / run.seconds,
            "Its assumptions are not known; here the shipped file, whose DRAM is as fast as the interface. Products "
            f"alone; with pooling, sums and ReLU as operations of their own {1 / everything.seconds:.0f}.",
        ),
        Row(
            "nvdla.resnet50.tops_per_w",
            "ResNet-50, chip without DRAM",
            2 * run.macs / run.chip_pj,
            f"{missing} would lower it, gating of zeros would raise it.",
        ),
        Row(
            "nvdla.resnet50.power",
            f"ResNet-50, power at the primer's {PRIMER_FPS} frames/s",
            run.chip_pj * PRIMER_FPS / 1e9,
            f"{missing} are left out, so that it is close is chance. The primer's figures don't agree: 291 mW, "
            f"{PRIMER_FPS} frames/s and {PRIMER_TOPS_PER_W} TOPS/W are {implied_gmacs:.1f} G multiplications an image, "
            "and ResNet-50 has 3.9.",
        ),
    ]


def _traffic(run: Forward, images: int) -> str:
    return f"{run.dram_bytes / images / 1e6:.1f} MB an image (DRAM works {run.dram_share:.0f} % of the time)"


def _array_ms(run: Forward, images: int) -> float:
    return run.array_cycles / images / run.hw.clock_mhz / 1e3
