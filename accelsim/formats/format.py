"""The common face of every number format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass


@dataclass(frozen=True)
class Format(ABC):
    """One number format: an interned, frozen record from which everything else is derived."""

    name: str
    bits: int

    @property
    @abstractmethod
    def family(self) -> str:
        """Which kind of format this is: ``integer``, ``float``, ``block``, ``flexpoint``, ``ternary`` or ``binary``."""

    @property
    @abstractmethod
    def is_integer(self) -> bool:
        """True when codes are integers that a scale turns into real values."""

    @property
    @abstractmethod
    def storage(self) -> str:
        """Name of the NumPy dtype that holds the codes during emulation."""

    @property
    def tensor_scaled(self) -> bool:
        """True for blocks whose scales lie under one of the whole tensor, which a policy finds as for integers."""
        return False

    @property
    def axis_matters(self) -> bool:
        """True when products that reduce different axes need different codes of one tensor."""
        return False

    @property
    def bits_per_element(self) -> float:
        """Stored bits of one element with its share of block scales."""
        return float(self.bits)

    def bytes_for(self, elements: int, run: int = 0) -> int:
        """Bytes that ``elements`` packed codes take in a memory.

        ``run``: how many lie along the axis that blocks are formed along, one run after another; 0: they are one run.
        """
        return (elements * self.bits + 7) // 8

    def __str__(self) -> str:
        return self.name
