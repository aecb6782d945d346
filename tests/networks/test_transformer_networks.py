"""ViT-S/16, ViT-B/16, GPT-2 small and MobileLLM-125M against published counts.

- ViT-S/16: 22,050,664 parameters and 4.6 G multiply-accumulates of one image, as DeiT-S in Touvron et al. (arXiv
  2012.12877, table 1: 22 M) and in the results table of the timm library (22.05 M, 4.61 G with its other operations).
- ViT-B/16, the same file with twice the width and the heads: 86,567,656 and 17.56 G, torchvision's model page for
  vit_b_16.
- GPT-2 small: 124,439,808 parameters with the tied head (the published checkpoint's), 163,037,184 with its own.
- MobileLLM-125M: 124.6 M parameters (Liu et al., arXiv 2402.14905, and its model card).
"""

import math

import pytest

from accelsim.formats import FP32, Role, float_recipe
from accelsim.networks import load_workload
from accelsim.program import Phase

GPT2_TOKENS, GPT2_WIDTH, GPT2_VOCABULARY = 1024, 768, 50257
LLAMA_WIDTH = 576


@pytest.fixture
def traced(root, tmp_path):
    """The step of one input of a shipped workload, with words of its file replaced."""

    def trace(name, replaced=()):
        text = (root / "workloads" / f"{name}.yaml").read_text(encoding="utf-8")
        for old, new in replaced:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        workload = load_workload(path)
        return workload.build().trace(float_recipe(FP32), workload.optimizer, 1)

    return trace


def _learned(traced):
    return sum(math.prod(p.shape) for p in traced.parameters.values() if p.role is Role.MASTER_WEIGHT)


def _forward_macs(traced):
    return sum(operation.macs for operation in traced.program.operations if operation.phase is Phase.FORWARD)


def test_vit_s16(traced):
    found = traced("imagenet_vit_s16")
    assert _learned(found) == 22_050_664
    assert round(_forward_macs(found) / 1e9, 1) == 4.6


def test_vit_b16(traced):
    twice = [("384", "768"), ("1536", "3072"), ("heads: 6", "heads: 12")]
    found = traced("imagenet_vit_s16", twice)
    assert _learned(found) == 86_567_656
    assert round(_forward_macs(found) / 1e9, 2) == 17.56


def test_gpt2_small(traced):
    assert _learned(traced("gpt2_small")) == 124_439_808


def test_gpt2_small_with_a_head_of_its_own(traced):
    head = ("unembedding: {embedding: token_table, units: 50257}", "linear: {units: 50257, bias: false}")
    assert _learned(traced("gpt2_small", [head])) == 124_439_808 + GPT2_VOCABULARY * GPT2_WIDTH == 163_037_184


def test_llama_small(traced):
    found = traced("llama_small")
    assert not any(name.endswith(".beta") for name in found.parameters)
    assert round(_learned(found) / 1e6, 1) == 124.6


def test_multiply_accumulates_of_a_token_of_llama_small(traced):
    """One for each weight of a product, and 2 t w for each block's attention, as heads share keys but not scores."""
    attention = LLAMA_WIDTH * (2 * LLAMA_WIDTH + 2 * LLAMA_WIDTH // 3)
    weights = 30 * (attention + 3 * LLAMA_WIDTH * 1536) + 32000 * LLAMA_WIDTH
    assert _forward_macs(traced("llama_small")) == 2048 * (weights + 30 * 2 * 2048 * LLAMA_WIDTH)


def test_multiply_accumulates_of_a_token(traced):
    """One for each weight of a product (12 w^2 a block, and the head), and 2 t w for each block's attention."""
    weights = 12 * 12 * GPT2_WIDTH**2 + GPT2_VOCABULARY * GPT2_WIDTH
    attention = 12 * 2 * GPT2_TOKENS * GPT2_WIDTH
    assert _forward_macs(traced("gpt2_small")) == GPT2_TOKENS * (weights + attention)


@pytest.mark.parametrize("name", ["imagenet_vit_s16", "gpt2_small", "llama_small"])
def test_backward_takes_twice_the_products_of_forward(traced, name):
    """Products of weights have two gradients, products of activations as well; patches need no gradient of images."""
    found = traced(name)
    patches = sum(op.macs for op in found.program.operations if op.opcode == "conv2d")
    assert found.program.macs == 3 * _forward_macs(found) - patches
