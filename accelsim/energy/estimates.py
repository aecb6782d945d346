"""Costs of a machine's multiply-accumulates that no table lists, in words that stand beside its results."""

from __future__ import annotations

from accelsim.energy.figures import add_pj, mac_pj, multiply_pj
from accelsim.formats import FloatFormat, Format, format_by_name
from accelsim.formats.mx import BlockFormat
from accelsim.hardware import HardwareConfig

NAMES = {"multiply": "A multiplication", "add": "An addition"}


def estimates(hw: HardwareConfig) -> list[str]:
    """A sentence or two for the array's multiplier, and for each of its adders, whose energy or area follows a power
    law of what the tables list. Energies that the hwconfig gives itself follow none."""
    operand = hw.mac_array.operand_format
    adders = dict.fromkeys(map(format_by_name, hw.mac_array.accumulators.model_dump().values()))
    texts = [_estimate(hw, "multiply", operand, multiply_pj(hw, operand))]
    if _energy_basis(hw, "multiply", operand):
        adder = next(iter(adders))
        share = multiply_pj(hw, operand) / mac_pj(hw, adder)
        texts[0] += f" It is {share:.0%} of the energy of a multiply-accumulate; the addition in {adder} is the rest."
    texts += [_estimate(hw, "add", adder, add_pj(hw, adder)) for adder in adders]
    return [text for text in texts if text]


def _estimate(hw: HardwareConfig, action: str, format_: Format, energy_pj: float) -> str:
    """What of ``action`` in ``format_`` follows a power law, and which one; empty where nothing does."""
    energy, area = _energy_basis(hw, action, format_), hw.costs().basis(f"{action}_um2", format_)
    figures = [f"{energy_pj:.3g} pJ"] if energy else []
    figures += [f"{hw.costs().figure(f'{action}_um2', format_):.3g} um2"] if area else []
    if not figures:
        return ""
    element = format_.element if isinstance(format_, BlockFormat) else format_
    width = "significand's width" if isinstance(element, FloatFormat) else "width"
    return (
        f"{NAMES[action]} in {format_} ({', '.join(figures)}) has no figure in the {hw.technology} tables: it follows "
        f"the power law of the {width} through {' and '.join(energy or area)}."
    )


def _energy_basis(hw: HardwareConfig, action: str, format_: Format) -> tuple[str, ...]:
    """The formats whose power law the energy follows; none where the hwconfig or the table has a figure."""
    own = hw.energy.multiply_pj if action == "multiply" else hw.energy.add_pj
    if hw.energy.mac_pj is not None or format_.name in own:
        return ()
    return hw.costs().basis(f"{action}_pj", format_)
