"""Networks against published counts of parameters and of multiply-accumulates, one image forward.

- torchvision's model pages (num_params, GFLOPS): resnet18, resnet34, resnet50, vgg16, mobilenet_v2;
- AlexNet: 61 M weights and 724 M multiply-accumulates (Sze, Chen, Yang and Emer, Proceedings of the IEEE 2017,
  table II), of which convolutions have 666 M (Chen, Krishna, Emer and Sze, ISSCC 2016);
- CIFAR-10: 0.27, 0.85 and 1.7 M parameters (He et al., arXiv 1512.03385, table 6), and 4.06e7, 1.25e8 and 2.53e8
  (He, Kang, Dong, Fu and Yang, IJCAI 2018, table 1), all without projections;
- LeNet-300-100: 267 K parameters (Han, Pool, Tran and Dally, NeurIPS 2015, table 1).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import pytest

from accelsim.formats import FP32, Role, float_recipe
from accelsim.networks import load_workload
from accelsim.program import Phase


class Published(NamedTuple):
    """Parameters, millions of multiply-accumulates, layers that have weights; counts as far as they were printed."""

    parameters: int
    parameter_unit: int
    millions: float
    million_unit: float
    layers: int
    projections: tuple[int, int] = (0, 0)
    """Parameters and multiply-accumulates that the published network lacks."""


# 16 to 32 and 32 to 64 channels, 1 x 1, with a norm each.
OPTION_B = (16 * 32 + 32 * 64 + 2 * (32 + 64), 16 * 16 * 16 * 32 + 8 * 8 * 32 * 64)
PUBLISHED = {
    "imagenet_resnet18": Published(11_689_512, 1, 1810, 10, 21),
    "imagenet_resnet18_banner": Published(11_689_512, 1, 1810, 10, 21),
    "imagenet_resnet34": Published(21_797_672, 1, 3660, 10, 37),
    "imagenet_resnet50": Published(25_557_032, 1, 4090, 10, 54),
    "imagenet_resnet50_banner": Published(25_557_032, 1, 4090, 10, 54),
    "imagenet_vgg16": Published(138_357_544, 1, 15470, 10, 16),
    "imagenet_alexnet": Published(61_000_000, 1_000_000, 724, 1, 8),
    "imagenet_mobilenet_v2": Published(3_504_872, 1, 300, 10, 53),
    "cifar10_resnet20": Published(270_000, 10_000, 40.6, 0.1, 22, OPTION_B),
    "cifar10_resnet56": Published(850_000, 10_000, 125, 1, 58, OPTION_B),
    "cifar10_resnet56_banner": Published(850_000, 10_000, 125, 1, 58, OPTION_B),
    "cifar10_resnet110": Published(1_700_000, 100_000, 253, 1, 112, OPTION_B),
    "fashion_mnist_mlp": Published(267_000, 1000, 0.266, 0.001, 3),
}


def _trace(root, name):
    workload = load_workload(root / "workloads" / f"{name}.yaml")
    return workload.build().trace(float_recipe(FP32), workload.optimizer, 1)


def _forward(traced):
    return [op for op in traced.program.operations if op.phase is Phase.FORWARD and op.macs]


@pytest.mark.parametrize("name", PUBLISHED)
def test_counts(root, name):
    traced, published = _trace(root, name), PUBLISHED[name]
    learned = [p for p in traced.parameters.values() if p.role is Role.MASTER_WEIGHT]
    found = sum(math.prod(parameter.shape) for parameter in learned) - published.projections[0]
    assert round(found / published.parameter_unit) * published.parameter_unit == published.parameters
    macs = (sum(operation.macs for operation in _forward(traced)) - published.projections[1]) / 1e6
    assert round(macs / published.million_unit) * published.million_unit == pytest.approx(published.millions)
    assert len(_forward(traced)) == published.layers


def test_alexnets_convolutions(root):
    convolutions = [op for op in _forward(_trace(root, "imagenet_alexnet")) if op.opcode == "conv2d"]
    assert round(sum(operation.macs for operation in convolutions) / 1e6) == 666
    assert [operation.attributes.get("groups", 1) for operation in convolutions] == [1, 2, 1, 2, 2]


def test_fashion_mnists_resnet_is_cifars_with_one_channel(root):
    """From the second layer on it sees 32 x 32 pixels, too."""
    ours, cifars = (_forward(_trace(root, f"{name}_resnet20")) for name in ("fashion_mnist", "cifar10"))
    assert [op.gemms for op in ours[1:]] == [op.gemms for op in cifars[1:]]
    assert 3 * ours[0].macs == cifars[0].macs


def test_mobilenets_depthwise_layers(root):
    """Seventeen, of 32 to 960 channels."""
    groups = [
        op.attributes["groups"] for op in _forward(_trace(root, "imagenet_mobilenet_v2")) if "groups" in op.attributes
    ]
    assert (len(groups), min(groups), max(groups)) == (17, 32, 960)
