"""ResNet-20, ResNet-18 and ResNet-50 in PyTorch, as He et al. 2016 describe them, and one training step of each."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import nn
from torch.nn import functional


class Block(nn.Module):
    """Two 3 x 3 convolutions, or with ``wide`` 1 x 1, 3 x 3, 1 x 1, beside a shortcut."""

    def __init__(self, channels: int, width: int, stride: int, *, wide: bool) -> None:
        super().__init__()
        out = 4 * width if wide else width
        kernels = [(channels, width, 1, 1), (width, width, 3, stride), (width, out, 1, 1)] if wide else []
        kernels = kernels or [(channels, width, 3, stride), (width, width, 3, 1)]
        self.layers = nn.ModuleList(_convolution(*kernel) for kernel in kernels)
        self.shortcut = _convolution(channels, out, 1, stride) if stride > 1 or channels != out else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x
        for layer in self.layers[:-1]:
            y = functional.relu(layer(y))
        return functional.relu(self.layers[-1](y) + self.shortcut(x))


def _convolution(channels: int, out: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, out, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(out))


def resnet(
    stem: list[nn.Module], channels: int, stages: list[tuple[int, int]], classes: int, *, wide: bool
) -> nn.Module:
    """``stages`` are (width, blocks); every stage but the first halves the image."""
    layers = list(stem)
    for index, (width, blocks) in enumerate(stages):
        for block in range(blocks):
            layers.append(Block(channels, width, 2 if index and not block else 1, wide=wide))
            channels = 4 * width if wide else width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


def resnet20() -> nn.Module:
    return resnet([_convolution(3, 16, 3, 1), nn.ReLU()], 16, [(16, 3), (32, 3), (64, 3)], 10, wide=False)


def _imagenet(blocks: tuple[int, ...], *, wide: bool) -> nn.Module:
    stem = [_convolution(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    return resnet(stem, 64, list(zip((64, 128, 256, 512), blocks, strict=True)), 1000, wide=wide)


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "cifar10_resnet20": resnet20,
    "imagenet_resnet18": lambda: _imagenet((2, 2, 2, 2), wide=False),
    "imagenet_resnet50": lambda: _imagenet((3, 4, 6, 3), wide=True),
}
"""By the name of the workload with the same layers."""
PRECISIONS = ("fp32", "tf32", "bf16")


def stepper(name: str, batch: int, precision: str, device: str) -> Callable[[], None]:
    """One eager training step, channels last; ``tf32`` lets products round their operands, ``bf16`` is autocast."""
    size, classes = (32, 10) if name.startswith("cifar10") else (224, 1000)
    network = NETWORKS[name]().to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    images = torch.randn(batch, 3, size, size, device=device).to(memory_format=torch.channels_last)
    labels = torch.randint(0, classes, (batch,), device=device)

    def step() -> None:
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
        optimizer.zero_grad(set_to_none=True)
        narrow = torch.autocast(device, dtype=torch.bfloat16) if precision == "bf16" else nullcontext()
        with narrow:
            loss = functional.cross_entropy(network(images), labels)
        loss.backward()
        optimizer.step()

    return step
