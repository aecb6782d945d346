"""Costs of a machine's multiply-accumulates and memories that no table has, in words that stand beside its results."""

from __future__ import annotations

from accelsim.energy.figures import add_pj, mac_pj, multiply_pj
from accelsim.energy.memories import MemoryCost, memory_costs
from accelsim.formats import FloatFormat, Format, format_by_name
from accelsim.formats.mx import BlockFormat
from accelsim.hardware import HardwareConfig

NAMES = {"multiply": "A multiplication", "add": "An addition"}


def estimates(hw: HardwareConfig) -> list[str]:
    """A sentence or two for the array's multiplier, for each of its adders, and for its memories, whose energy or area
    follows a power law of what the tables list. Energies that the hwconfig gives itself follow none. Memories between
    two listed capacities aren't named: there a power law is held at both ends."""
    operand = hw.mac_array.operand_format
    adders = dict.fromkeys(map(format_by_name, hw.mac_array.accumulators.model_dump().values()))
    texts = [_estimate(hw, "multiply", operand, multiply_pj(hw, operand))]
    if _energy_basis(hw, "multiply", operand):
        adder = next(iter(adders))
        share = multiply_pj(hw, operand) / mac_pj(hw, adder)
        texts[0] += f" It is {share:.0%} of the energy of a multiply-accumulate; the addition in {adder} is the rest."
    texts += [_estimate(hw, "add", adder, add_pj(hw, adder)) for adder in adders]
    return [text for text in texts if text] + _memory_estimates(hw)


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


def _memory_estimates(hw: HardwareConfig) -> list[str]:
    """A sentence for all memories whose banks are smaller or larger than those that the tables list."""
    alike: dict[tuple[int, int], list[MemoryCost]] = {}
    for cost in memory_costs(hw):
        listed = hw.costs().sram_range(cost.memory.word_bits)
        if listed and not listed[0] <= cost.memory.bank_bytes <= listed[1]:
            alike.setdefault((cost.memory.bank_bytes, cost.memory.word_bits), []).append(cost)
    if not alike:
        return []
    banks = " and of ".join(_banks(hw, costs) for costs in alike.values())
    return [
        f"Banks of {banks} are smaller or larger than all in the {hw.technology} tables of memories: they follow the "
        "power law of the two nearest, the less surely the further they are from them."
    ]


def _banks(hw: HardwareConfig, costs: list[MemoryCost]) -> str:
    first = costs[0]
    figures = [f"{hw.costs().sram_mm2(first.memory.bank_bytes, first.memory.word_bits):.3g} mm2"]
    if hw.energy.sram_pj_per_byte is None:
        figures.insert(0, f"{first.read_pj_per_byte:.3g} pJ a byte read, {first.write_pj_per_byte:.3g} written")
    names = ", ".join(cost.name for cost in costs)
    return f"{_size(first.memory.bank_bytes)} ({names}; {', '.join(figures)})"


def _size(size_bytes: int) -> str:
    power = min(max(0, size_bytes.bit_length() - 1) // 10, 3)
    return f"{size_bytes / 1024**power:.4g} {('B', 'KiB', 'MiB', 'GiB')[power]}"
