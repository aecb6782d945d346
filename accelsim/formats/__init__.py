"""Number formats, rounding modes and scale arithmetic. Imports nothing else of accelsim but errors."""

from accelsim.formats.flexpoint import AutoflexState, FlexpointFormat, flexpoint_codes
from accelsim.formats.float_codes import decode_float, encode_float, round_to_float
from accelsim.formats.floating import FP32, FloatFormat
from accelsim.formats.format import Format
from accelsim.formats.integer import IntegerFormat, integer
from accelsim.formats.lfsr import Lfsr, lfsr_bits
from accelsim.formats.loss_scale import Adaptation, LossScale
from accelsim.formats.multiplier import FixedPointMultiplier
from accelsim.formats.mx import BlockFormat, BlockValues, block_floating_point, quantise_blocks
from accelsim.formats.recipe import (
    Exchange,
    Granularity,
    LayerRules,
    NormRule,
    Product,
    RandomSource,
    Recipe,
    Role,
    Rounding,
    ScaleForm,
    ScalePolicy,
    TensorRule,
    float_recipe,
)
from accelsim.formats.registry import format_by_name
from accelsim.formats.rounding import RoundingMode, round_real, rounding_shift
from accelsim.formats.scales import Scale, scale_for, scaled_codes, scaled_values
from accelsim.formats.ternary import SignFormat, Signs, Threshold, binary_codes, ternary_codes

__all__ = [
    "FP32",
    "Adaptation",
    "AutoflexState",
    "BlockFormat",
    "BlockValues",
    "Exchange",
    "FixedPointMultiplier",
    "FlexpointFormat",
    "FloatFormat",
    "Format",
    "Granularity",
    "IntegerFormat",
    "LayerRules",
    "Lfsr",
    "LossScale",
    "NormRule",
    "Product",
    "RandomSource",
    "Recipe",
    "Role",
    "Rounding",
    "RoundingMode",
    "Scale",
    "ScaleForm",
    "ScalePolicy",
    "SignFormat",
    "Signs",
    "TensorRule",
    "Threshold",
    "binary_codes",
    "block_floating_point",
    "decode_float",
    "encode_float",
    "flexpoint_codes",
    "float_recipe",
    "format_by_name",
    "integer",
    "lfsr_bits",
    "quantise_blocks",
    "round_real",
    "round_to_float",
    "rounding_shift",
    "scale_for",
    "scaled_codes",
    "scaled_values",
    "ternary_codes",
]
