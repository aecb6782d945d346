"""The published networks, as layers."""

from __future__ import annotations

from dataclasses import dataclass

from accelsim.hardware import HardwareConfig
from accelsim.layers import Conv2d, Flatten, Layer, Linear, Relu
from accelsim.networks import Workload, load_workload
from validation_parts.forward import ROOT, Forward, forward


@dataclass(frozen=True)
class Lone:
    """A layer that reads its input from DRAM and writes its result there."""

    name: str
    input_shape: tuple[int, ...]
    layer: Layer

    def timed(self, hw: HardwareConfig, batch: int) -> Forward:
        return forward(hw, [self.layer], self.input_shape, batch)


def convolution(filters: int, kernel: int, stride: int = 1, padding: int = 0, groups: int = 1) -> Conv2d:
    square = {"kernel": (kernel,) * 2, "stride": (stride,) * 2, "padding": (padding,) * 2}
    return Conv2d(filters=filters, groups=groups, bias=False, **square)


ALEXNET_CONV = (
    Lone("CONV1", (227, 227, 3), convolution(96, 11, stride=4)),
    Lone("CONV2", (27, 27, 96), convolution(256, 5, padding=2, groups=2)),
    Lone("CONV3", (13, 13, 256), convolution(384, 3, padding=1)),
    Lone("CONV4", (13, 13, 384), convolution(384, 3, padding=1, groups=2)),
    Lone("CONV5", (13, 13, 384), convolution(256, 3, padding=1, groups=2)),
)
"""Krizhevsky, Sutskever and Hinton (NeurIPS 2012), figure 2, with the 227 x 227 input that its arithmetic needs."""

ALEXNET_DENSE = (
    Lone("FC6", (9216,), Linear(units=4096, bias=False)),
    Lone("FC7", (4096,), Linear(units=4096, bias=False)),
    Lone("FC8", (4096,), Linear(units=1000, bias=False)),
)

VGG16_CONV = tuple(
    Lone(f"CONV{i}", (size, size, channels), convolution(filters, 3, padding=1))
    for i, (size, channels, filters) in enumerate(
        [
            (224, 3, 64),
            (224, 64, 64),
            (112, 64, 128),
            (112, 128, 128),
            (56, 128, 256),
            (56, 256, 256),
            (56, 256, 256),
            (28, 256, 512),
            (28, 512, 512),
            (28, 512, 512),
            (14, 512, 512),
            (14, 512, 512),
            (14, 512, 512),
        ],
        1,
    )
)
"""Simonyan and Zisserman (ICLR 2015), table 1, configuration D."""

MLP0: list[Layer] = [Flatten(), *(layer for _ in range(5) for layer in (Linear(units=2000, bias=False), Relu()))]
"""Five dense layers and 20 M weights are the paper's; equal widths of 2000 are assumed."""

CNN0: list[Layer] = [layer for _ in range(16) for layer in (convolution(256, 3, padding=1), Relu())]
"""Sixteen convolutions are the paper's. Its 2888 products a weight byte at batch 8 are 361 a weight and image, 19 x 19:
a Go board, which is what this input is. 256 channels are assumed: 9.4 M weights, the paper has 8 M."""
CNN0_INPUT = (19, 19, 256)

RESNET50_INPUT = (224, 224, 3)


def resnet50() -> Workload:
    """The shipped workload (stride in the 3x3 convolutions: 4.09 GMAC; the original has 3.86)."""
    return load_workload(ROOT / "workloads" / "imagenet_resnet50.yaml")
