"""The published networks, as layers."""

from __future__ import annotations

from dataclasses import dataclass

from accelsim.hardware import HardwareConfig
from accelsim.layers import Conv2d, Flatten, Layer, Linear, MaxPool2d, Relu
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


IMAGE = (224, 224, 3)
ALEXNET_IMAGE = (227, 227, 3)

ALEXNET_CONV = (
    Lone("CONV1", ALEXNET_IMAGE, convolution(96, 11, stride=4)),
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

POOLED = ("CONV1", "CONV2", "CONV5")
"""AlexNet's convolutions that a pool follows."""


def _alexnet() -> list[Layer]:
    pool = MaxPool2d(kernel=(3, 3), stride=(2, 2))
    layers: list[Layer] = []
    for lone in ALEXNET_CONV:
        layers += [lone.layer, Relu(), *([pool] if lone.name in POOLED else [])]
    return [*layers, Flatten(), *(layer for lone in ALEXNET_DENSE for layer in (lone.layer, Relu()))]


ALEXNET = _alexnet()

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


@dataclass(frozen=True)
class DenseStack:
    """A stand-in for a network of which layers, weights and batch are published: square dense layers of one width."""

    layers: int
    """Dense layers, those of a recurrent layer's gates among them (Jouppi et al., ISCA 2017, table 1, recalled)."""
    weights: float
    batch: int
    """Also the products of a weight byte: each weight that was fetched serves the batch once."""

    @property
    def width(self) -> int:
        return round((self.weights / self.layers) ** 0.5)

    @property
    def stack(self) -> list[Layer]:
        dense = (layer for _ in range(self.layers) for layer in (Linear(units=self.width, bias=False), Relu()))
        return [Flatten(), *dense]


DENSE = {
    "mlp0": DenseStack(5, 20e6, 200),
    "mlp1": DenseStack(4, 5e6, 168),
    "lstm0": DenseStack(24, 52e6, 64),
    "lstm1": DenseStack(37, 34e6, 96),
}
"""Of a recurrent network one step, without what its vector layers do to the gates."""

CNN0: list[Layer] = [layer for _ in range(16) for layer in (convolution(256, 3, padding=1), Relu())]
"""Sixteen convolutions are the paper's. Its 2888 products a weight byte at batch 8 are 361 a weight and image, 19 x 19:
a Go board, which is what this input is. 256 channels are assumed: 9.4 M weights, the paper has 8 M."""
CNN0_INPUT = (19, 19, 256)


def resnet50() -> Workload:
    """The shipped workload (stride in the 3x3 convolutions: 4.09 GMAC; the original has 3.86)."""
    return load_workload(ROOT / "workloads" / "imagenet_resnet50.yaml")
