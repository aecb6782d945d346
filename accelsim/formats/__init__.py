"""Number formats, rounding modes and scale arithmetic. Imports nothing else of accelsim but errors."""

from accelsim.formats.floating import FP32, FloatFormat
from accelsim.formats.format import Format
from accelsim.formats.integer import IntegerFormat, integer
from accelsim.formats.multiplier import FixedPointMultiplier
from accelsim.formats.recipe import NormRule, Product, Recipe, Role, Rounding, TensorRule, float_recipe
from accelsim.formats.registry import format_by_name

__all__ = [
    "FP32",
    "FixedPointMultiplier",
    "FloatFormat",
    "Format",
    "IntegerFormat",
    "NormRule",
    "Product",
    "Recipe",
    "Role",
    "Rounding",
    "TensorRule",
    "float_recipe",
    "format_by_name",
    "integer",
]
