"""Counter-based random bits: Philox4x32-10, the same stream on every backend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from accelsim.datapath import reference
from accelsim.formats.lfsr import lfsr_bits
from accelsim.formats.recipe import RandomSource


@dataclass(frozen=True)
class RandomStream:
    """Whose random bits: seed, training step, crc32 of the tensor's name, how many bits an element gets, and from what.

    ``lfsr`` is a 32-bit Fibonacci register that starts from the stream's first Philox word, clocked once for each bit.
    """

    seed: int
    step: int
    tensor: int
    bits: int
    source: RandomSource = RandomSource.PHILOX


LANES = 8
"""16-bit random codes in one counter block."""
MASK = 0xFFFFFFFF


def random_codes(xp: Any, stream: RandomStream, elements: int) -> Any:
    """``elements`` random codes of ``stream.bits`` (at most 16) bits, as uint16.

    A pure function of (seed, step, tensor, element), see ``reference.random_code``.
    """
    if stream.source is RandomSource.LFSR:
        return lfsr_bits(xp, lfsr_start(stream), elements, stream.bits).astype(xp.uint16)
    blocks = -(-elements // LANES)
    counters = xp.arange(blocks, dtype=xp.uint64)
    words = philox4x32(xp, counters, (stream.step & MASK, stream.step >> 32, 0), (stream.seed, stream.tensor))
    lanes = xp.empty((blocks, LANES), dtype=xp.uint16)
    for index, word in enumerate(words):
        lanes[:, 2 * index] = (word & xp.uint64(0xFFFF)) >> xp.uint64(16 - stream.bits)
        lanes[:, 2 * index + 1] = (word >> xp.uint64(16)) >> xp.uint64(16 - stream.bits)
    return lanes.reshape(-1)[:elements]


def lfsr_start(stream: RandomStream) -> int:
    """State in which the shift register of a stream starts; never zero, which it would not leave."""
    counter, key = (0, stream.step & MASK, stream.step >> 32, 0), (stream.seed, stream.tensor)
    return reference.philox4x32(counter, key)[0] or 1


def philox4x32(xp: Any, c0: Any, rest: tuple[int, int, int], key: tuple[int, int]) -> tuple[Any, Any, Any, Any]:
    """Ten rounds over an array ``c0`` of first counter words; 32-bit words carried in uint64."""
    mask, half = xp.uint64(MASK), xp.uint64(32)
    c1, c2, c3 = (xp.full_like(c0, word) for word in rest)
    k0, k1 = key
    for _ in range(10):
        p0, p1 = c0 * xp.uint64(0xD2511F53), c2 * xp.uint64(0xCD9E8D57)
        c0, c2 = (p1 >> half) ^ c1 ^ xp.uint64(k0), (p0 >> half) ^ c3 ^ xp.uint64(k1)
        c1, c3 = p1 & mask, p0 & mask
        k0, k1 = (k0 + 0x9E3779B9) & MASK, (k1 + 0xBB67AE85) & MASK
    return c0, c1, c2, c3
