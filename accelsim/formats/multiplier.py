"""Scale arithmetic: a real multiplier as a fixed-point mantissa and a shift, in one place.

Everything here is IEEE double precision (exact ``frexp``, one multiplication by 2**31, one floor), so
no backend can round a scale differently. Follows gemmlowp's ``QuantizeMultiplier`` convention.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

MANTISSA_BITS = 31
MAX_RIGHT_SHIFT = 31
ONE = 2.0**MANTISSA_BITS


class FixedPointMultiplier(NamedTuple):
    """``value = mantissa * 2**(exponent - 31)``, mantissa an int32 with 2**30 <= |mantissa| < 2**31, or 0.

    ``exponent > 0`` shifts left before the multiplication, ``exponent < 0`` shifts right after it.
    Arrays of shape (channels,) give one multiplier per channel.
    """

    mantissa: NDArray[np.int64] | np.int64
    exponent: NDArray[np.int64] | np.int64

    @classmethod
    def from_real(cls, real: ArrayLike) -> FixedPointMultiplier:
        """Quantise ``real`` (any sign, finite) to 31 bits of mantissa; too small becomes exactly zero."""
        if isinstance(real, float):
            return cls._from_scalar(real)
        fraction, exponent = np.frexp(np.asarray(real, dtype=np.float64))
        mantissa = np.floor(np.abs(fraction) * 2.0**MANTISSA_BITS + 0.5).astype(np.int64)
        exponent = exponent.astype(np.int64)
        carried = mantissa == 1 << MANTISSA_BITS
        mantissa = np.where(carried, mantissa >> 1, mantissa)
        exponent = np.where(carried, exponent + 1, exponent)
        vanished = (exponent < -MAX_RIGHT_SHIFT) | (mantissa == 0)
        signed = np.where(fraction < 0, -mantissa, mantissa)
        return cls(np.where(vanished, 0, signed), np.where(vanished, 0, exponent))

    @classmethod
    def _from_scalar(cls, real: float) -> FixedPointMultiplier:
        """The same for one number, without NumPy's overhead."""
        fraction, exponent = math.frexp(real)
        mantissa = math.floor(abs(fraction) * ONE + 0.5)
        if mantissa >= ONE:
            mantissa, exponent = mantissa >> 1, exponent + 1
        if exponent < -MAX_RIGHT_SHIFT or mantissa == 0:
            mantissa, exponent = 0, 0
        return cls(np.int64(-mantissa if fraction < 0 else mantissa), np.int64(exponent))

    @property
    def real(self) -> NDArray[np.float64]:
        """The value that the fixed-point pair stands for."""
        return np.ldexp(self.mantissa.astype(np.float64), self.exponent - MANTISSA_BITS)
