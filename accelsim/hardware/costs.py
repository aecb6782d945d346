"""Where energy, area and leakage of arithmetic and memories come from: the interface, and the sources by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from accelsim.formats import Format
from accelsim.hardware.hwcomponents_costs import hwcomponents_costs
from accelsim.hardware.technology import WORD_BITS, Bound, load_technology

CostSource = Literal["tables", "hwcomponents"]


class Costs(Protocol):
    """Costs of one process node."""

    def figure(self, table: str, format_: Format) -> float:
        """``multiply_pj``, ``add_pj``, ``multiply_um2`` or ``add_um2`` of a format."""
        ...

    def basis(self, table: str, format_: Format) -> tuple[str, ...]:
        """The formats whose power law ``figure`` follows; none where it is the source's own."""
        ...

    def bounded(self, table: str, format_: Format, bound: Bound) -> float:
        """``figure``, or the low or high end of what sources say."""
        ...

    def sram_pj_per_byte(
        self,
        capacity_bytes: int,
        *,
        write: bool = False,
        bound: Bound = Bound.NOMINAL,
        word_bits: int = WORD_BITS,
    ) -> float:
        """Energy of one byte of a word to or from a memory."""
        ...

    def sram_mm2(self, capacity_bytes: int, word_bits: int = WORD_BITS) -> float:
        """Area of a memory."""
        ...

    def sram_range(self, word_bits: int = WORD_BITS) -> tuple[int, int] | None:
        """Smallest and largest capacity in bytes that figures are known of; None where a model has any."""
        ...

    def leakage_mw(self, multiplier: Format, adder: Format) -> float | None:
        """Leakage of a multiplier and an adder; None where the source has no figure."""
        ...

    def sram_leakage_mw(self, capacity_bytes: int, word_bits: int = WORD_BITS) -> float | None:
        """Leakage of a memory; None where the source has no figure."""
        ...


COST_SOURCES: dict[CostSource, Callable[[str], Costs]] = {
    "tables": load_technology,
    "hwcomponents": hwcomponents_costs,
}
"""What makes the costs of a technology by its name; may raise a UserError."""
