"""The oracle: every datapath unit in plain Python integers, to be checked against the hardware on paper.

Nothing here is fast and nothing here imports NumPy; the kernels are held to these functions bit by bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import floor, isqrt

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1


def saturate(value: int, low: int, high: int) -> int:
    """Clamp into [low, high]."""
    return min(max(value, low), high)


def wrap(value: int, bits: int) -> int:
    """Two's complement of ``bits`` bits: what an accumulator holds after overflow."""
    half = 1 << (bits - 1)
    return (value + half) % (1 << bits) - half


def saturating_rounding_doubling_high_mul(a: int, b: int) -> int:
    """High 32 bits of 2ab, rounded half up; saturates for INT32_MIN squared (gemmlowp)."""
    if a == b == INT32_MIN:
        return INT32_MAX
    return (a * b + (1 << 30)) >> 31


def rounding_divide_by_power_of_two(x: int, exponent: int) -> int:
    """x / 2**exponent, rounded half away from zero (gemmlowp)."""
    magnitude = (abs(x) + ((1 << exponent) >> 1)) >> exponent
    return -magnitude if x < 0 else magnitude


def requantise(x: int, mantissa: int, exponent: int, low: int, high: int) -> int:
    """x * mantissa * 2**(exponent - 31), rounded twice as gemmlowp does, clamped."""
    shifted = saturate(x << max(exponent, 0), INT32_MIN, INT32_MAX)
    scaled = saturating_rounding_doubling_high_mul(shifted, mantissa)
    return saturate(rounding_divide_by_power_of_two(scaled, max(-exponent, 0)), low, high)


def requantise_stochastic(
    x: int, mantissa: int, exponent: int, random: int, random_bits: int, low: int, high: int
) -> int:
    """x * mantissa * 2**(exponent - 31), rounded once: random bits are added just below the last kept bit."""
    shift = 31 - exponent
    dither = random << (shift - random_bits) if shift >= random_bits else random >> (random_bits - shift)
    return saturate((x * mantissa + dither) >> shift, low, high)


def rescale(x: int, mantissa: int, exponent: int) -> int:
    """x * mantissa * 2**(exponent - 31), rounded once half up, saturated to 32 bits."""
    shift = 31 - exponent
    return saturate((x * mantissa + (1 << (shift - 1))) >> shift, INT32_MIN, INT32_MAX)


def largest(window: Sequence[float]) -> tuple[float, int]:
    """The maximum of a pooling window and its first place; NaN is above every number, zeros of both signs are equal."""
    place = 0
    for i, value in enumerate(window):
        best = window[place]
        if value > best or (value != value and best == best):
            place = i
    return window[place], place


def divide_rounded(numerator: int, denominator: int) -> int:
    """numerator / denominator rounded half up; the denominator is positive."""
    return (2 * numerator + denominator) // (2 * denominator)


def philox4x32(counter: Sequence[int], key: Sequence[int], rounds: int = 10) -> tuple[int, int, int, int]:
    """Philox4x32 (Salmon et al., SC 2011): four 32-bit words from a counter of four and a key of two."""
    mask = 0xFFFFFFFF
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(rounds):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & mask, (p0 >> 32) ^ c3 ^ k1, p0 & mask
        k0, k1 = (k0 + 0x9E3779B9) & mask, (k1 + 0xBB67AE85) & mask
    return c0, c1, c2, c3


def random_code(seed: int, step: int, tensor: int, element: int, random_bits: int) -> int:
    """The random bits of one element: 16-bit lane ``element mod 8`` of block ``element div 8``, top bits first."""
    words = philox4x32((element // 8, step & 0xFFFFFFFF, step >> 32, 0), (seed, tensor))
    lane = element % 8
    half_word = (words[lane // 2] >> (16 * (lane % 2))) & 0xFFFF
    return half_word >> (16 - random_bits)


def mean(codes: Sequence[int], fraction_bits: int) -> int:
    """Mean of one channel with ``fraction_bits`` below the codes' unit."""
    return divide_rounded(sum(codes) << fraction_bits, len(codes))


def range_sum(codes: Sequence[int], chunks: int) -> tuple[int, list[int], list[int]]:
    """Sum over chunks of (max - min), and the first position of each maximum and minimum."""
    size = len(codes) // chunks
    total, tops, bottoms = 0, [], []
    for start in range(0, size * chunks, size):
        chunk = list(codes[start : start + size])
        total += max(chunk) - min(chunk)
        tops.append(start + chunk.index(max(chunk)))
        bottoms.append(start + chunk.index(min(chunk)))
    return total, tops, bottoms


def deviation(codes: Sequence[int]) -> int:
    """n times the standard deviation of one channel: isqrt(n sum(q^2) - sum(q)^2)."""
    return isqrt(len(codes) * sum(q * q for q in codes) - sum(codes) ** 2)


def normalise(codes: Sequence[int], centre: int, mantissa: int, exponent: int, offset: int, bits: int) -> list[int]:
    """gamma (x - mean) / spread + beta of one channel; the multiplier holds gamma over spread."""
    scaled = [rescale((q << bits) - centre, mantissa, exponent) for q in codes]
    return [saturate(y + offset, INT32_MIN, INT32_MAX) for y in scaled]


def spread_share(products: int, spread: int, damping: float) -> int:
    """The spread's gradient on one element; the scale arithmetic of ``damping`` (epsilon's) is in double precision."""
    return floor(divide_rounded(products, max(spread, 1)) * damping + 0.5)


def range_norm_backward(
    g: Sequence[int],
    share: int,
    tops: Sequence[int],
    bottoms: Sequence[int],
    mantissa: int,
    exponent: int,
    bits: int,
) -> list[int]:
    """Input gradient of one channel of range norm; ``share`` has ``bits`` fraction bits."""
    centre = divide_rounded(sum(g) << bits, len(g))
    e = [(gi << bits) - centre for gi in g]
    for top in tops:
        e[top] -= share
    for bottom in bottoms:
        e[bottom] += share
    return [rescale(saturate(ei, INT32_MIN, INT32_MAX), mantissa, exponent) for ei in e]


def batch_norm_backward(
    g: Sequence[int],
    d: Sequence[int],
    along: tuple[int, int],
    mantissa: int,
    exponent: int,
    bits: int,
) -> list[int]:
    """Input gradient of one channel of ordinary batch norm.

    ``d`` is x - mean with ``bits`` fraction bits, ``along`` the multiplier of sum(g d) / sum(d^2).
    """
    centre = divide_rounded(sum(g) << bits, len(g))
    e = [(gi << bits) - centre - rescale(di, *along) for gi, di in zip(g, d, strict=True)]
    return [rescale(saturate(ei, INT32_MIN, INT32_MAX), mantissa, exponent) for ei in e]


def sign(value: int) -> int:
    """-1, 0 or 1."""
    return (value > 0) - (value < 0)


def absolute_deviation(codes: Sequence[int], centre: int, bits: int) -> tuple[int, int]:
    """Sum of |x - mean| of one channel with ``bits`` fraction bits, and of its signs."""
    d = [(q << bits) - centre for q in codes]
    return sum(map(abs, d)), sum(map(sign, d))


def l1_norm_backward(
    g: Sequence[int], d: Sequence[int], share: int, mantissa: int, exponent: int, bits: int
) -> list[int]:
    """Input gradient of one channel of l1 norm: ``share`` and ``d`` = x - mean have ``bits`` fraction bits."""
    centre = divide_rounded((sum(g) << bits) - share * sum(map(sign, d)), len(g))
    e = [(gi << bits) - centre - share * sign(di) for gi, di in zip(g, d, strict=True)]
    return [rescale(saturate(ei, INT32_MIN, INT32_MAX), mantissa, exponent) for ei in e]


def normalise_row(
    codes: Sequence[int],
    centre: int,
    inverse: tuple[int, int],
    gains: Sequence[tuple[int, int]],
    offsets: Sequence[int],
    bits: int,
) -> list[int]:
    """One row of layer norm: times 1 / spread, rounded to a word; then gain and offset of each channel."""
    words = [rescale((q << bits) - centre, *inverse) for q in codes]
    return [
        saturate(rescale(word, *gain) + offset, INT32_MIN, INT32_MAX)
        for word, gain, offset in zip(words, gains, offsets, strict=True)
    ]


def root_square(codes: Sequence[int]) -> int:
    """n times the root mean square of one group: isqrt(n sum(q^2))."""
    return isqrt(len(codes) * sum(q * q for q in codes))


def range_about_zero(codes: Sequence[int]) -> tuple[int, int, int]:
    """2 max|q| of one group, the first position of the maximum, or of the minimum where that is farther from zero, and
    1 or -1 for which it is."""
    top, bottom = max(codes), min(codes)
    return (2 * top, codes.index(top), 1) if top >= -bottom else (-2 * bottom, codes.index(bottom), -1)


def norm_about_zero_backward(
    g: Sequence[int], taken: Sequence[int], mantissa: int, exponent: int, bits: int
) -> list[int]:
    """Input gradient of one group of a norm about zero; what the spread's gradient takes off each element, ``taken``,
    has ``bits`` fraction bits: ``rescale(q << bits, ...)`` by sum(g q) / sum(q^2) for the root mean square, the share
    by sign(q) for l1, and the share by sign at one position for the range."""
    words = [saturate((gi << bits) - part, INT32_MIN, INT32_MAX) for gi, part in zip(g, taken, strict=True)]
    return [rescale(word, mantissa, exponent) for word in words]


def accumulate_wrapping(a: Sequence[int], b: Sequence[int], bits: int, start: int = 0) -> int:
    """A dot product in an accumulator that wraps after every addition."""
    total = wrap(start, bits)
    for x, y in zip(a, b, strict=True):
        total = wrap(total + x * y, bits)
    return total


def accumulate_saturating(a: Sequence[int], b: Sequence[int], bits: int, run: int, start: int = 0) -> int:
    """A dot product that saturates after every addition: ``run`` products from zero, then that sum to the total."""
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    total = saturate(start, low, high)
    for at in range(0, len(a), run):
        part = 0
        for x, y in zip(a[at : at + run], b[at : at + run], strict=True):
            part = saturate(part + x * y, low, high)
        total = saturate(total + part, low, high)
    return total


def accumulate_in_order(a: Sequence[int], b: Sequence[int], bits: int, start: int = 0) -> int:
    """A dot product that saturates after every addition, one product after another onto ``start``."""
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    total = saturate(start, low, high)
    for x, y in zip(a, b, strict=True):
        total = saturate(total + x * y, low, high)
    return total


def accumulate_tree(a: Sequence[int], b: Sequence[int], bits: int, start: int = 0) -> int:
    """A dot product in a tree of saturating adders: adjacent pairs, level by level; its root is added to ``start``."""
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    level = [saturate(x * y, low, high) for x, y in zip(a, b, strict=True)]
    while len(level) > 1:
        level = [saturate(sum(level[at : at + 2]), low, high) for at in range(0, len(level), 2)]
    return saturate(saturate(start, low, high) + sum(level), low, high)


def bit_slice(value: int, position: int, count: int, width: int) -> int:
    """Slice ``position`` of ``count`` of ``width`` bits: the highest is signed, those below it are not."""
    rest = value >> (width * position)
    return rest if position == count - 1 else rest % (1 << width)


def accumulate_in_passes(
    a: Sequence[int],
    b: Sequence[int],
    slices: tuple[int, int],
    width: int,
    add: Callable[[list[int], int], int],
    start: int = 0,
) -> int:
    """A dot product on multipliers of ``width`` bits: every pair of slices is a pass, the lowest first.

    ``add`` adds the products of a pass, shifted into place, to what the pass before it left.
    """
    total = start
    for i, j in ((i, j) for i in range(slices[0]) for j in range(slices[1])):
        left, right = ([bit_slice(v, p, n, width) for v in x] for x, p, n in ((a, i, slices[0]), (b, j, slices[1])))
        total = add([(x * y) << width * (i + j) for x, y in zip(left, right, strict=True)], total)
    return total


def accumulate_float(products: Sequence[float], chunk: int, rounding: Callable[[Fraction], float]) -> float:
    """Sums of ``chunk`` products in order, then of the sums in order; every exact sum is rounded once."""
    total = 0.0
    for at in range(0, len(products), chunk):
        part = 0.0
        for product in products[at : at + chunk]:
            part = rounding(Fraction(part) + Fraction(product))
        total = rounding(Fraction(total) + Fraction(part))
    return total


def affine_product(a: Sequence[int], a_zero: int, b: Sequence[int], b_zero: int) -> int:
    """sum (a - a_zero) (b - b_zero) as an array of unsigned multipliers has it: codes as they are, then corrections.

    The zero points times the sums of codes come off, and the product of both comes back once a term.
    """
    product = sum(x * y for x, y in zip(a, b, strict=True))
    return product - b_zero * sum(a) - a_zero * sum(b) + len(a) * a_zero * b_zero


def affine_code(value: Fraction, step: Fraction, zero: int, low: int, high: int) -> int:
    """round(value / step) + zero, ties to even, clamped."""
    return saturate(round(value / step) + zero, low, high)
