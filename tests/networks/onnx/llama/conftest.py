"""The attention of LLaMA-type networks as exporters write it: rotary embeddings, keys that heads share, masks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

WIDTH, HEADS, KV_HEADS, TOKENS = 24, 6, 2, 7
D = WIDTH // HEADS
BASE = 500.0
VOCABULARY = 5


def angles(base: float = BASE, tokens: int = TOKENS, d: int = D) -> Any:
    return np.arange(tokens)[:, None] * base ** (-np.arange(0, d, 2) / d)


def constants(m: Any, base: float, repeats: int) -> tuple[str, str]:
    """Tables that are initialisers, of (1, 1, tokens, d), or d / 2."""
    table = np.concatenate([angles(base)] * repeats, axis=1)[None, None].astype(np.float32)
    return m.constant(np.cos(table)), m.constant(np.sin(table))


def from_positions(m: Any, base: float, repeats: int) -> tuple[str, str]:
    """Tables worked out from the number of tokens, as transformers' modules do: all of it folds."""
    count = m.node("Gather", m.node("Shape", "x"), m.constant(np.int64(1)), axis=0)
    positions = m.node("Range", m.constant(np.int64(0)), count, m.constant(np.int64(1)))
    row = m.node("Cast", m.node("Unsqueeze", positions, m.constant([0, 1])), to=1)
    inverse = m.constant((base ** (-np.arange(0, D, 2) / D)).astype(np.float32)[None, :, None])
    halves = m.node("Transpose", m.node("MatMul", inverse, row), perm=[0, 2, 1])
    whole = halves if repeats == 1 else m.node("Concat", halves, halves, axis=-1)
    # A head for all.
    return tuple(m.node("Unsqueeze", m.node(op, whole), m.constant([1])) for op in ("Cos", "Sin"))


def cut(m: Any, x: str, start: int, end: int, step: int = 1) -> str:
    return m.node("Slice", x, *(m.constant([each]) for each in (start, end, -1, step)))


def rotate_half(m: Any, x: str, heads: int, tables: Any) -> str:
    """Pairs i and i + d/2, as transformers has them: x cos + (-second half, first half) sin."""
    cosine, sine = tables(m, BASE, 2)
    turned = m.node("Concat", m.node("Neg", cut(m, x, D // 2, 2**63 - 1)), cut(m, x, 0, D // 2), axis=-1)
    return m.node("Add", m.node("Mul", x, cosine), m.node("Mul", turned, sine))


def strided(m: Any, x: str, heads: int, tables: Any) -> str:
    """Pairs 2i and 2i + 1 in real numbers, stacked and flattened."""
    cosine, sine = tables(m, BASE, 1)
    a, b = cut(m, x, 0, D, 2), cut(m, x, 1, D, 2)
    first = m.node("Sub", m.node("Mul", a, cosine), m.node("Mul", b, sine))
    second = m.node("Add", m.node("Mul", a, sine), m.node("Mul", b, cosine))
    stacked = m.node("Concat", *(m.node("Unsqueeze", y, m.constant([-1])) for y in (first, second)), axis=-1)
    return m.node("Reshape", stacked, m.constant([0, heads, TOKENS, D]))


def complex_numbers(m: Any, x: str, heads: int, tables: Any) -> str:
    """The same as products of complex numbers, which the exporter writes as a last axis of two."""
    pairs = m.node("Reshape", x, m.constant([0, heads, TOKENS, D // 2, 2]))
    a, b = (m.node("Gather", pairs, m.constant(np.int64(part)), axis=-1) for part in range(2))
    cosine, sine = tables(m, BASE, 1)
    first = m.node("Sub", m.node("Mul", a, cosine), m.node("Mul", b, sine))
    second = m.node("Add", m.node("Mul", a, sine), m.node("Mul", b, cosine))
    both = [m.node("Unsqueeze", y, m.constant([4])) for y in (first, second)]
    return m.node("Reshape", m.node("Concat", *both, axis=-1), m.constant([0, 0, 0, -1]))


def _node(interleaved: int) -> Any:
    def turn(m: Any, x: str, heads: int, tables: Any) -> str:
        """Opset 23's, with a table for each sample."""
        cosine, sine = (m.constant(table(angles()).astype(np.float32)) for table in (np.cos, np.sin))
        places = np.tile(np.arange(TOKENS), (2, 1))
        return m.node("RotaryEmbedding", x, cosine, sine, m.constant(places), interleaved=interleaved)

    return turn


ROTATIONS = {
    "rotate_half": rotate_half,
    "strided": strided,
    "complex": complex_numbers,
    "node, halves": _node(0),
    "node, interleaved": _node(1),
}


def expanded(m: Any, x: str) -> str:
    """transformers' repeat_kv: a new axis, expanded, and laid together with the heads."""
    group = HEADS // KV_HEADS
    one = m.node("Unsqueeze", x, m.constant([2]))
    many = m.node("Expand", one, m.constant([1, KV_HEADS, group, TOKENS, D]))
    return m.node("Reshape", many, m.constant([0, HEADS, TOKENS, D]))


def gathered(m: Any, x: str) -> str:
    """repeat_interleave, as indices."""
    return m.node("Gather", x, m.constant(np.repeat(np.arange(KV_HEADS), HEADS // KV_HEADS)), axis=1)


def tiled(m: Any, x: str) -> str:
    """Head h with keys h modulo kv_heads, which the layer hasn't."""
    return m.node("Tile", x, m.constant([1, HEADS // KV_HEADS, 1, 1]))


def masked_by_where(m: Any, scores: str) -> str:
    seen = m.constant(np.tri(TOKENS, dtype=bool)[None, None])
    return m.node("Where", seen, scores, m.constant(np.float32(-np.inf)))


def masked_by_sum(m: Any, scores: str) -> str:
    """Minus infinity above the diagonal, by Trilu of a constant that an exporter may have stored."""
    full = m.constant(np.full((TOKENS, TOKENS), -np.inf, np.float32))
    return m.node("Add", scores, m.node("Trilu", full, m.constant(np.int64(1)), upper=1))


def masked_by_lowest(m: Any, scores: str) -> str:
    """The lowest float32 in place of minus infinity, as transformers has it."""
    hidden = np.where(np.tri(TOKENS, dtype=bool), 0, np.finfo(np.float32).min).astype(np.float32)
    return m.node("Add", scores, m.constant(hidden[None, None]))


MASKS = {"where": masked_by_where, "sum": masked_by_sum, "lowest": masked_by_lowest}


def heads_of(m: Any, x: str, heads: int, name: str, d: int = D, biased: bool = False) -> str:
    rows = m.node("MatMul", x, m.weight(WIDTH, heads * d, name=f"{name}.weight"))
    if biased:
        rows = m.node("Add", m.weight(heads * d), rows)
    split = m.node("Reshape", rows, m.constant([0, TOKENS, heads, d]))
    return m.node("Transpose", split, perm=[0, 2, 1, 3])


def output(m: Any, context: str, name: str, inner: int = WIDTH) -> str:
    merged = m.node("Reshape", m.node("Transpose", context, perm=[0, 2, 1, 3]), m.constant([0, TOKENS, inner]))
    return m.node("MatMul", merged, m.weight(inner, WIDTH, name=f"{name}.weight"))


def attention(
    m: Any,
    x: str,
    rotation: Any = rotate_half,
    tables: Any = constants,
    shared: Any = expanded,
    mask: Any = masked_by_sum,
    *,
    name: str = "attn",
    scale: float = 1 / D**0.5,
    biased: bool = False,
    kv_heads: int = KV_HEADS,
) -> str:
    """Written out; ``shared`` None makes it the node of opset 23, which hands keys to heads by itself."""
    sizes = {"q": HEADS, "k": kv_heads, "v": kv_heads}
    q, k, v = (heads_of(m, x, heads, f"{name}.{part}", biased=biased) for part, heads in sizes.items())
    if rotation is not None:
        q, k = (rotation(m, each, heads, tables) for each, heads in ((q, HEADS), (k, kv_heads)))
    if shared is None:
        return output(m, m.node("Attention", q, k, v, is_causal=1, scale=scale), f"{name}.o")
    k, v = shared(m, k), shared(m, v)
    scores = m.node("MatMul", q, m.node("Transpose", k, perm=[0, 1, 3, 2]))
    scores = m.node("Mul", scores, m.constant(np.float32(scale)))
    return output(m, m.node("MatMul", m.node("Softmax", mask(m, scores), axis=-1), v), f"{name}.o")


def in_rows(m: Any, x: str) -> str:
    """Opset 23's nodes on (batch, tokens, heads x d), which tell heads apart by themselves."""
    cosine, sine = (m.constant(table(angles()).astype(np.float32)) for table in (np.cos, np.sin))
    q, k, v = (m.node("MatMul", x, m.weight(WIDTH, heads * D)) for heads in (HEADS, KV_HEADS, KV_HEADS))
    places = m.constant(np.tile(np.arange(TOKENS), (2, 1)))
    q, k = (
        m.node("RotaryEmbedding", each, cosine, sine, places, num_heads=heads)
        for each, heads in ((q, HEADS), (k, KV_HEADS))
    )
    seen = m.constant(np.tri(TOKENS, dtype=bool))
    context = m.node("Attention", q, k, v, seen, q_num_heads=HEADS, kv_num_heads=KV_HEADS)
    return m.node("MatMul", context, m.weight(WIDTH, WIDTH, name="attn.o.weight"))


def rms_norm(m: Any, x: str, epsilon: float = 1e-5) -> str:
    mean = m.node("ReduceMean", m.node("Pow", x, m.constant(np.float32(2))), m.constant([-1]))
    root = m.node("Sqrt", m.node("Add", mean, m.constant(np.float32(epsilon))))
    return m.node("Mul", m.weight(WIDTH), m.node("Mul", x, m.node("Reciprocal", root)))


def swiglu(m: Any, x: str, inner: int) -> str:
    gate = m.node("MatMul", x, m.weight(WIDTH, inner))
    value = m.node("MatMul", x, m.weight(WIDTH, inner))
    product = m.node("Mul", m.node("Mul", gate, m.node("Sigmoid", gate)), value)
    return m.node("MatMul", product, m.weight(inner, WIDTH))


def table(m: Any, vocabulary: int) -> str:
    return m.node("Gather", m.weight(vocabulary, WIDTH, name="table.weight"), "x")


@pytest.fixture(scope="session")
def llama() -> SimpleNamespace:
    """What graphs are put together from."""
    return SimpleNamespace(**{name: value for name, value in globals().items() if not name.startswith("_")})


@pytest.fixture
def graph(model, llama):
    """A text, one attention of its tokens, and scores."""

    def build(*forms, opset=23, **options):
        m = model(llama.TOKENS, kind="INT64")
        y = llama.attention(m, llama.table(m, VOCABULARY), *forms, **options)
        return m.proto(m.node("MatMul", y, m.weight(llama.WIDTH, VOCABULARY)), opset=opset)

    return build


@pytest.fixture
def ids(llama, rng):
    # Two texts, as the nodes with a table for each sample have them.
    return rng.integers(0, VOCABULARY, size=(2, llama.TOKENS))
