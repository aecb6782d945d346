"""PyTorch modules as workloads: the fp32 forward equals the module's, and ``simulate`` takes them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import accelsim
from accelsim.datapath import Datapath
from accelsim.errors import UserError
from accelsim.training import initial_state
from accelsim.training.initial_weights import take_weights

NEEDED = ("torch", "onnx", "onnxscript")


def _modules():
    for name in NEEDED:
        pytest.importorskip(name, reason=f"modules are read with {', '.join(NEEDED)}")
    import torch

    return torch, torch.nn


class _Cases:
    """Modules and shapes of one input; built when they are asked for, as torch may be missing."""

    @staticmethod
    def residual(nn):
        class Block(nn.Module):
            def __init__(self, width, out, stride):
                super().__init__()
                self.long = nn.Sequential(
                    nn.Conv2d(width, out, 3, stride, 1, bias=False),
                    *(nn.BatchNorm2d(out), nn.ReLU(), nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out)),
                )
                self.short = nn.Sequential(nn.Conv2d(width, out, 1, stride, bias=False), nn.BatchNorm2d(out))
                self.identity = stride == 1

            def forward(self, x):
                return (self.long(x) + (x if self.identity else self.short(x))).relu()

        stem = (nn.Conv2d(3, 6, 3, 1, 1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        blocks = (Block(6, 6, 1), Block(6, 8, 2))
        return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10)), (3, 12, 12)

    @staticmethod
    def separable(nn):
        first = (
            nn.Conv2d(3, 8, 3, 2, 1),
            nn.ReLU6(),
            nn.Conv2d(8, 8, 3, 1, 1, groups=8, bias=False),
            nn.BatchNorm2d(8),
        )
        rest = (nn.Conv2d(8, 4, (1, 3), padding=(0, 1), groups=2), nn.AvgPool2d(2), nn.Flatten(), nn.BatchNorm1d(36))
        head = (nn.Linear(36, 12), nn.GELU(approximate="tanh"), nn.Dropout(0.25), nn.Linear(12, 10))
        return nn.Sequential(*first, *rest, *head), (3, 12, 12)

    @staticmethod
    def transformer(nn):
        import torch

        class Vit(nn.Module):
            def __init__(self, width=8):
                super().__init__()
                self.patches = nn.Conv2d(3, width, 4, 4)
                self.token = nn.Parameter(torch.randn(1, 1, width))
                self.places = nn.Parameter(torch.randn(1, 10, width))
                self.norm, self.attention = nn.LayerNorm(width), nn.MultiheadAttention(width, 2, batch_first=True)
                self.mlp = nn.Sequential(
                    nn.LayerNorm(width), nn.Linear(width, 16), nn.GELU(approximate="tanh"), nn.Linear(16, width)
                )
                self.head = nn.Linear(width, 10)

            def forward(self, x):
                x = self.patches(x).flatten(2).transpose(1, 2)
                x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.places
                y = self.norm(x)
                x = x + self.attention(y, y, y, need_weights=False)[0]
                return self.head((x + self.mlp(x))[:, 0])

        return Vit(), (3, 12, 12)

    @staticmethod
    def decoder(nn):
        import torch

        class Decoder(nn.Module):
            def __init__(self, width=12):
                super().__init__()
                self.table, self.places = nn.Embedding(10, width), nn.Embedding(7, width)
                self.norm, self.rows, self.out = (
                    nn.LayerNorm(width),
                    nn.Linear(width, 3 * width),
                    nn.Linear(width, width),
                )
                self.head = nn.Linear(width, 10, bias=False)

            def forward(self, ids):
                x = self.table(ids) + self.places(torch.arange(ids.shape[1]))
                q, k, v = (part.unflatten(-1, (3, -1)).transpose(1, 2) for part in self.rows(self.norm(x)).chunk(3, -1))
                y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
                return self.head(x + self.out(y.transpose(1, 2).flatten(2)))

        return Decoder(), (7,)

    @staticmethod
    def llama(nn):
        """Rotary embeddings of pairs i and i + d/2, keys that heads share, RMS norm and SwiGLU."""
        import torch

        class Llama(nn.Module):
            def __init__(self, width=24, heads=6, tokens=7):
                super().__init__()
                self.kv_heads, self.d = heads // 2, width // heads
                self.table, self.norms = nn.Embedding(10, width), nn.ModuleList(nn.RMSNorm(width, 1e-5) for _ in "12")
                self.q, self.o = (nn.Linear(width, width, bias=False) for _ in range(2))
                self.k, self.v = (nn.Linear(width, width // 2, bias=False) for _ in range(2))
                self.gate, self.up, self.down = (nn.Linear(width, width, bias=False) for _ in range(3))
                self.head = nn.Linear(width, 10, bias=False)
                angles = torch.outer(torch.arange(tokens), 100.0 ** -(torch.arange(0, self.d, 2) / self.d)).repeat(1, 2)
                self.register_buffer("cosine", angles.cos())
                self.register_buffer("sine", angles.sin())

            def turned(self, x):
                a, b = x.chunk(2, -1)
                return x * self.cosine + torch.cat([-b, a], -1) * self.sine

            def forward(self, ids):
                x = self.table(ids)
                y = self.norms[0](x)
                q, k, v = (part(y).unflatten(-1, (-1, self.d)).transpose(1, 2) for part in (self.q, self.k, self.v))
                k, v = (each.repeat_interleave(2, dim=1) for each in (self.turned(k), v))
                y = nn.functional.scaled_dot_product_attention(self.turned(q), k, v, is_causal=True)
                x = x + self.o(y.transpose(1, 2).flatten(2))
                y = self.norms[1](x)
                return self.head(x + self.down(nn.functional.silu(self.gate(y)) * self.up(y)))

        return Llama(), (7,)


@pytest.fixture(params=["residual", "separable", "transformer", "decoder", "llama"])
def case(request):
    torch, nn = _modules()
    torch.manual_seed(0)
    module, shape = getattr(_Cases, request.param)(nn)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            for values in (part.running_mean, part.weight.data, part.bias.data):
                values.normal_()
            part.running_var.uniform_(0.3, 2)
    text = len(shape) == 1
    return module.eval(), torch.randint(0, 10, (3, *shape)) if text else torch.randn(3, *shape)


def run(workload, machine, x):
    network, recipe = workload.build(), machine.recipe()
    parameters = network.trace(recipe, workload.optimizer, len(x)).parameters
    taken = take_weights(Path(workload.initial_weights), parameters)
    assert (taken.drawn, taken.unused) == ([], [])
    datapath = Datapath(recipe, initial_state(parameters, 1, recipe, taken.values), seed=1)
    datapath.begin_step(0, training=False)
    labels = np.zeros(x.shape if x.ndim == 2 else len(x), np.uint16)
    return network.forward(datapath, x, labels, len(x)).logits.data


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("training", [False, True])
def test_the_forward_is_the_modules(case, training, fp32_machine, tmp_path):
    module, x = case
    expected = module(x).detach().numpy()
    workload = accelsim.from_torch(module.train(training), x, name="net", weights=tmp_path / "w.safetensors")
    assert all(part.training is training for part in module.modules())
    ours = x.numpy().astype(np.uint16) if x.ndim == 2 else x.numpy().transpose(0, 2, 3, 1)
    found = run(workload, fp32_machine, ours).reshape(expected.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    kinds = [layer.kind for layer in workload.network.layers]
    assert kinds.count("dropout") == (training and any("Dropout" in type(part).__name__ for part in module.modules()))


@pytest.mark.filterwarnings("ignore")
def test_simulate_takes_a_module_in_one_line(int8_machine, tmp_path, monkeypatch):
    torch, nn = _modules()
    monkeypatch.chdir(tmp_path)
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))
    result = accelsim.simulate(int8_machine, accelsim.from_torch(module, torch.randn(1, 1, 8, 8), name="net"), steps=1)
    assert (result.summary["workload"], result.workload["dataset"]["kind"]) == ("net", "digits")
    assert (tmp_path / "net.safetensors").exists()
    again = accelsim.from_torch(module, torch.randn(1, 1, 8, 8), name="net")
    assert again.initial_weights == str(tmp_path / "net.safetensors")


@pytest.mark.filterwarnings("ignore")
def test_mistakes(tmp_path):
    torch, nn = _modules()
    linear, x, mine = nn.Linear(4, 3), torch.randn(2, 4), tmp_path / "mine.safetensors"
    mine.write_bytes(b"mine")
    with pytest.raises(UserError, match=r"mine\.safetensors: exists already, and accelsim did not write it"):
        accelsim.from_torch(linear, x, name="net", weights=mine)
    assert mine.read_bytes() == b"mine"
    free = tmp_path / "w.safetensors"
    with pytest.raises(UserError, match=r"Sequential \(torch\): node .* \(Sigmoid\): not supported"):
        accelsim.from_torch(nn.Sequential(linear, nn.Sigmoid()), x, name="net", weights=free)
    with pytest.raises(UserError, match=r"takes a torch\.nn\.Module and one example tensor, not Linear and tuple"):
        accelsim.from_torch(linear, (x,), name="net", weights=free)
    with pytest.raises(UserError, match=r"Linear can't be exported to ONNX: "):
        accelsim.from_torch(linear, torch.randn(2, 5), name="net", weights=free)
    assert not free.exists()


def test_without_torch_the_package_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UserError, match=r"needs the package torch: pip install 'accelsim\[torch\]'"):
        accelsim.from_torch(None, None, name="net", weights=tmp_path / "w.safetensors")


def test_without_onnx_the_package_is_named(monkeypatch, tmp_path):
    from accelsim.networks.importers.onnx import read_model

    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UserError, match=r"needs the package onnx: pip install 'accelsim\[onnx\]'"):
        read_model(tmp_path / "net.onnx")
