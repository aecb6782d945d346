"""Binary floating-point formats, carried as float32 values on their grid (``float_codes`` puts them there).

IEEE 754 (fp32, fp16), bfloat16, OCP OFP8 v1.0 (fp8_e4m3, fp8_e5m2), the elements of OCP MX v1.0 (fp6, fp4), and the
accumulators of Wang et al. 2018 (fp16_e6m9, here with the subnormals and infinities of IEEE 754).
"""

from __future__ import annotations

from dataclasses import dataclass

from accelsim.formats.format import Format


@dataclass(frozen=True)
class FloatFormat(Format):
    """A sign bit, ``exponent_bits`` and ``mantissa_bits`` (the hidden bit not counted), with subnormals.

    With ``has_inf`` the top exponent holds infinity and NaN (IEEE 754); with ``has_nan`` alone only the code of all
    ones is NaN (OCP E4M3); with neither every code is a number. ``exponent_bias`` is 2**(exponent_bits - 1) - 1 unless
    given.
    """

    exponent_bits: int
    mantissa_bits: int
    exponent_bias: int | None = None
    has_inf: bool = True
    has_nan: bool = True

    def __post_init__(self) -> None:
        if self.bits != 1 + self.exponent_bits + self.mantissa_bits or self.mantissa_bits < 1:
            raise ValueError(
                f"{self.name}: bits must be 1 + exponent_bits + mantissa_bits, with 1 mantissa bit or more"
            )
        if self.has_inf and not self.has_nan:
            raise ValueError(f"{self.name}: a format with infinity has NaN too")

    @property
    def family(self) -> str:
        return "float"

    @property
    def is_integer(self) -> bool:
        return False

    @property
    def storage(self) -> str:
        return "float32" if self.bits <= 32 else "float64"

    @property
    def code_storage(self) -> str:
        """Name of the dtype that ``encode_float`` returns."""
        return f"uint{next(width for width in (8, 16, 32, 64) if self.bits <= width)}"

    @property
    def bias(self) -> int:
        return (1 << (self.exponent_bits - 1)) - 1 if self.exponent_bias is None else self.exponent_bias

    @property
    def emin(self) -> int:
        """Exponent of the smallest normal number, and of all subnormals."""
        return 1 - self.bias

    @property
    def emax(self) -> int:
        """Exponent of the largest number."""
        return (1 << self.exponent_bits) - 1 - self.has_inf - self.bias

    @property
    def max_normal(self) -> float:
        """Largest finite number; all ones but for the code that NaN takes in a format without infinity."""
        missing = 2 if self.has_nan and not self.has_inf else 1
        return float((2.0 - missing * 2.0**-self.mantissa_bits) * 2.0**self.emax)

    @property
    def min_normal(self) -> float:
        return float(2.0**self.emin)

    @property
    def min_subnormal(self) -> float:
        return float(2.0 ** (self.emin - self.mantissa_bits))

    @property
    def infinity_code(self) -> int:
        """Positive infinity, in formats that have it."""
        return ((1 << self.exponent_bits) - 1) << self.mantissa_bits

    @property
    def nan_code(self) -> int:
        """The NaN that ``encode_float`` writes: quiet where there are several, and the sign bit clear."""
        return self.infinity_code | (1 << (self.mantissa_bits - 1) if self.has_inf else (1 << self.mantissa_bits) - 1)


FP32 = FloatFormat("fp32", 32, exponent_bits=8, mantissa_bits=23)
BF16 = FloatFormat("bf16", 16, exponent_bits=8, mantissa_bits=7)
FP16 = FloatFormat("fp16", 16, exponent_bits=5, mantissa_bits=10)
FP16_E6M9 = FloatFormat("fp16_e6m9", 16, exponent_bits=6, mantissa_bits=9)
FP8_E4M3 = FloatFormat("fp8_e4m3", 8, exponent_bits=4, mantissa_bits=3, has_inf=False)
FP8_E5M2 = FloatFormat("fp8_e5m2", 8, exponent_bits=5, mantissa_bits=2)
FP6_E3M2 = FloatFormat("fp6_e3m2", 6, exponent_bits=3, mantissa_bits=2, has_inf=False, has_nan=False)
FP6_E2M3 = FloatFormat("fp6_e2m3", 6, exponent_bits=2, mantissa_bits=3, has_inf=False, has_nan=False)
FP4_E2M1 = FloatFormat("fp4_e2m1", 4, exponent_bits=2, mantissa_bits=1, has_inf=False, has_nan=False)
FLOATS = (FP32, BF16, FP16, FP16_E6M9, FP8_E4M3, FP8_E5M2, FP6_E3M2, FP6_E2M3, FP4_E2M1)
"""Every floating-point format that has a name."""
