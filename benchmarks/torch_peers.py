"""ResNet-20 training steps in PyTorch: plain float32, and fake-quantised with the scheme of the int8 machine."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional


class Float:
    """The layers of a float32 network."""

    conv = staticmethod(lambda i, o, k, s: nn.Conv2d(i, o, k, s, k // 2, bias=False))
    norm = staticmethod(nn.BatchNorm2d)
    linear = staticmethod(nn.Linear)


def quantise(x: torch.Tensor, bits: int, stochastic: bool = False) -> torch.Tensor:
    """Quantise and dequantise on a symmetric scale per tensor."""
    top = 2 ** (bits - 1) - 1
    scale = x.abs().amax().clamp_min(1e-12) / top
    noise = torch.rand_like(x) if stochastic else 0.5
    return ((x / scale + noise).floor()).clamp(-top, top) * scale


class _Straight(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, bits):
        return quantise(x, bits)

    @staticmethod
    def backward(ctx, g):
        return g, None


class _Bifurcated(torch.autograd.Function):
    """Identity whose backward hands an 8-bit stochastic copy to the data path; the weight path gets 16 bits."""

    @staticmethod
    def forward(ctx, x, w, stride, padding):
        ctx.save_for_backward(x, w)
        ctx.geometry = stride, padding
        return functional.conv2d(x, w, None, stride, padding)

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        stride, padding = ctx.geometry
        dx = torch.nn.grad.conv2d_input(x.shape, w, quantise(g, 8, True), stride, padding)
        dw = torch.nn.grad.conv2d_weight(x, w.shape, quantise(g, 16), stride, padding)
        return dx, dw, None, None


class FakeConv(nn.Conv2d):
    def forward(self, x):
        return _Bifurcated.apply(_Straight.apply(x, 8), _Straight.apply(self.weight, 8), self.stride, self.padding)


class FakeLinear(nn.Linear):
    def forward(self, x):
        x, w = (_Straight.apply(each, 8)[..., None, None] for each in (x, self.weight))
        return _Bifurcated.apply(x, w, 1, 0).flatten(1) + self.bias


class _NormGradient(torch.autograd.Function):
    """Identity whose backward quantises what reaches the norm to 16 bits."""

    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, g):
        return quantise(g, 16)


class RangeNorm(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma, self.beta = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        x = _Straight.apply(x, 8)
        flat = x.transpose(0, 1).flatten(1)
        c = 1 / math.sqrt(2 * math.log(flat.shape[1]))
        spread = c * (flat.amax(1) - flat.amin(1)) + 1e-5
        shape = (1, -1, 1, 1)
        x = (x - flat.mean(1).view(shape)) / spread.view(shape)
        gamma, beta = (_Straight.apply(each, 16).view(shape) for each in (self.gamma, self.beta))
        return _NormGradient.apply(x * gamma + beta)


class Fake(Float):
    """The same network around quantise-dequantise wherever the int8 machine converts, range norm by autograd."""

    conv = staticmethod(lambda i, o, k, s: FakeConv(i, o, k, s, k // 2, bias=False))
    norm = staticmethod(RangeNorm)
    linear = staticmethod(FakeLinear)


class Block(nn.Module):
    def __init__(self, kind: type[Float], inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            kind.conv(inputs, outputs, 3, stride),
            kind.norm(outputs),
            nn.ReLU(),
            kind.conv(outputs, outputs, 3, 1),
            kind.norm(outputs),
        )
        projected = [kind.conv(inputs, outputs, 1, stride), kind.norm(outputs)] if stride > 1 else []
        self.shortcut = nn.Sequential(*projected)

    def forward(self, x):
        return functional.relu(self.body(x) + self.shortcut(x))


def resnet20(kind: type[Float]) -> nn.Module:
    """ResNet-20 of He et al. with projection shortcuts."""
    layers = [kind.conv(3, 16, 3, 1), kind.norm(16), nn.ReLU()]
    inputs = 16
    for outputs in (16, 32, 64):
        for block in range(3):
            layers.append(Block(kind, inputs, outputs, 2 if outputs > 16 and block == 0 else 1))
            inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), kind.linear(64, 10))


def stepper(kind: type[Float], batch: int, layout: torch.memory_format):
    """A function that runs one training step."""
    torch.manual_seed(0)
    model = resnet20(kind).to(memory_format=layout)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    x = torch.randn(batch, 3, 32, 32).contiguous(memory_format=layout)
    y = torch.randint(0, 10, (batch,))

    def step() -> None:
        optimizer.zero_grad()
        functional.cross_entropy(model(x), y).backward()
        optimizer.step()

    return step
