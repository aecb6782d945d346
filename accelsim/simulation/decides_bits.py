"""What of a hwconfig decides a bit of a training. All else may change between two steps of one run.

Of the MAC array that is the accumulators, and the order in which its dataflow, rows and passes add, but only where that
is seen in the bits: integers that saturate, and floats narrower than fp32 that are not added in chunks.
"""

from __future__ import annotations

from typing import Any

from accelsim.formats import FP32, format_by_name
from accelsim.hardware import HardwareConfig, LaneUnit, MacArray, NormUnit
from accelsim.hardware.config import OPERANDS
from accelsim.hardware.numerics import Numerics

DECIDES_BITS: dict[str, Any] = {
    "numerics": True,
    "norm_unit": set(NormUnit.model_fields) - set(LaneUnit.model_fields),
    "update_unit": {"learning_rate"},
    "cluster": {"machines", "gradient", "partial_sums"},
}
"""Fields beside ``mac_array``: all of one, or some."""


def bits_of(hw: HardwareConfig) -> dict[str, Any]:
    """Everything of ``hw`` that decides a bit, as plain values; options that are not given are left out."""
    described = hw.model_dump(mode="json", include=DECIDES_BITS, exclude_none=True)
    if hw.machines == 1:
        described.pop("cluster", None)
    return {**described, "mac_array": _array_bits(hw.mac_array, hw.numerics)}


def brought_up(described: dict[str, Any]) -> dict[str, Any]:
    """A run's description from when it held the whole MAC array and norm unit, as ``bits_of`` has it today."""
    hardware = dict(described.get("hwconfig", {}))
    if "norm_unit" in hardware:
        kept = DECIDES_BITS["norm_unit"]
        hardware["norm_unit"] = {name: value for name, value in hardware["norm_unit"].items() if name in kept}
    if "rows" in hardware.get("mac_array", {}):
        array, numerics = MacArray(**hardware["mac_array"]), Numerics(**hardware["numerics"])
        hardware["mac_array"] = _array_bits(array, numerics)
    return {**described, "hwconfig": hardware} if hardware else described


def deciding_fields(hw: HardwareConfig) -> dict[str, Any]:
    """The fields behind ``bits_of``, as pydantic's ``include`` and ``exclude`` take them."""
    found = _array_bits(hw.mac_array, hw.numerics)
    array = {"accumulators", "overflow", "accumulate_chunk"} | ({"operand"} & set(found))
    return {**DECIDES_BITS, "mac_array": array | ({"dataflow", "rows"} if "addition" in found else set())}


def _array_bits(array: MacArray, numerics: Numerics) -> dict[str, Any]:
    products = [role for roles in OPERANDS.values() for role in roles]
    operands = [rules[role].format for rules in numerics.all_rules() for role in products]
    accumulators = [format_by_name(name) for name in array.accumulators.model_dump().values()]
    found = array.model_dump(mode="json", include={"accumulators", "accumulate_chunk"}, exclude_none=True)
    if any(format_.is_integer for format_ in (*operands, *accumulators)):
        found["overflow"] = array.overflow
    saturates = array.overflow == "saturate" and any(format_.is_integer for format_ in accumulators)
    narrow = any(not format_.is_integer and format_.bits < FP32.bits for format_ in accumulators)
    if saturates or (narrow and array.accumulate_chunk is None):
        found["addition"] = "one sum" if array.order == "sequential" else f"runs of {array.order}"
    if saturates and any(format_.is_integer and format_.bits > array.operand_format.bits for format_ in operands):
        found["operand"] = array.operand
    return found
