"""Energy and area per operation of a process node, with the source of every figure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from accelsim.errors import UserError, nearest
from accelsim.formats import FloatFormat, Format, format_by_name
from accelsim.formats.mx import BlockFormat
from accelsim.yamlfile import FileModel, load_model

WORD_BITS: Final = 64
"""Word of a memory whose hwconfig doesn't say."""


class Bound(StrEnum):
    """Which figures to take where sources disagree."""

    NOMINAL = "nominal"
    LOW = "low"
    HIGH = "high"


Band = tuple[Annotated[float, Field(gt=0, le=1)], Annotated[float, Field(ge=1)]]


class Sourced(FileModel):
    """Figures of one family of sources, and how far others lie off."""

    source: str
    """Publication or tool, and how far it can be trusted."""
    band: Band = (1.0, 1.0)
    """Lowest and highest figure of other sources, as a share of these."""
    band_source: str = ""
    """What the band comes from; empty where no second source was found."""

    def factor(self, bound: Bound) -> float:
        """What to multiply a figure with."""
        return {Bound.NOMINAL: 1.0, Bound.LOW: self.band[0], Bound.HIGH: self.band[1]}[bound]


class Table(Sourced):
    """Figures by format name, with where they come from."""

    values: dict[str, Annotated[float, Field(ge=0)]]
    """Figure by number format (int8, int32, fp32, ...)."""


class SramWord(FileModel):
    """Access energy of one word by capacity, and area."""

    read_pj: dict[int, float]
    """Read energy in pJ per word, by capacity in KiB."""
    write_pj: dict[int, float]
    """Write energy in pJ per word, by capacity in KiB."""
    area_mm2: dict[int, float]
    """Area, by capacity in KiB."""


class SramTable(SramWord, Sourced):
    """Memories with words of 64 bits, and those with others."""

    words: dict[int, SramWord]
    """Those of other words, by their bits."""

    def of_words(self, bits: int) -> SramWord:
        """The memories whose words have so many bits.

        Raises:
            UserError: the table has none.
        """
        if bits == WORD_BITS:
            return self
        if bits not in self.words:
            known = ", ".join(map(str, sorted([WORD_BITS, *self.words])))
            raise UserError(f"word_bits: found {bits}, and the technology's tables have {known}")
        return self.words[bits]


class Technology(FileModel):
    """One process node."""

    name: str
    """Node, for instance 45nm."""
    multiply_pj: Table
    """Energy of one multiplication."""
    add_pj: Table
    """Energy of one addition or comparison."""
    multiply_um2: Table
    """Area of one multiplier."""
    add_um2: Table
    """Area of one adder."""
    sram: SramTable
    """Energy of on-chip buffers."""

    def bounded(self, table: str, format_: Format, bound: Bound) -> float:
        """``figure`` at one end of the table's band."""
        found: Table = getattr(self, table)
        return self.figure(table, format_) * found.factor(bound)

    def figure(self, table: str, format_: Format) -> float:
        """``table``'s value for a format.

        Integer widths that are not listed follow a power law of their neighbours, floats one of the significand's
        width through those that are listed; a block format costs what its elements cost. Not published figures.
        """
        values = getattr(self, table).values
        if format_.name in values:
            return float(values[format_.name])
        if isinstance(format_, BlockFormat):
            return self.figure(table, format_.element)
        known, width = _widths(values, format_)
        return _power_law([(size, values[name]) for size, name in known], width)

    def basis(self, table: str, format_: Format) -> tuple[str, ...]:
        """The two listed formats whose power law ``figure`` follows; none where the table has the format's width."""
        values = getattr(self, table).values
        if isinstance(format_, BlockFormat):
            return self.basis(table, format_.element)
        known, width = _widths(values, format_)
        if format_.name in values or width in [size for size, _ in known]:
            return ()
        upper = _above([size for size, _ in known], width)
        return known[upper - 1][1], known[upper][1]

    def sram_pj_per_byte(
        self,
        capacity_bytes: int,
        *,
        write: bool = False,
        bound: Bound = Bound.NOMINAL,
        word_bits: int = WORD_BITS,
    ) -> float:
        """Energy of one byte of a word to or from a buffer, by the power law between the listed capacities."""
        table = self.sram.of_words(word_bits)
        known = sorted((table.write_pj if write else table.read_pj).items())
        word_pj = _power_law([(float(size), pj) for size, pj in known], capacity_bytes / 1024)
        return 8 * word_pj / word_bits * self.sram.factor(bound)

    def sram_mm2(self, capacity_bytes: int, word_bits: int = WORD_BITS) -> float:
        """Area of a buffer, by the power law between the listed capacities."""
        known = sorted(self.sram.of_words(word_bits).area_mm2.items())
        return _power_law([(float(size), area) for size, area in known], capacity_bytes / 1024)

    def sram_range(self, word_bits: int = WORD_BITS) -> tuple[int, int] | None:
        """Smallest and largest capacity in bytes that the table lists; beyond, the nearest two are carried on."""
        listed = self.sram.of_words(word_bits).read_pj
        return 1024 * min(listed), 1024 * max(listed)

    def leakage_mw(self, multiplier: Format, adder: Format) -> float | None:
        """None: the tables have no leakage."""
        return None

    def sram_leakage_mw(self, capacity_bytes: int, word_bits: int = WORD_BITS) -> float | None:
        """None: the tables have no leakage."""
        return None


def significand_bits(name: str) -> float:
    """Bits of a float's significand, the hidden one counted."""
    format_ = format_by_name(name)
    return float(format_.mantissa_bits + 1) if isinstance(format_, FloatFormat) else float(format_.bits)


def _widths(values: Mapping[str, float], format_: Format) -> tuple[list[tuple[float, str]], float]:
    """Listed formats of the same kind by what decides their cost, in ascending order, and that of ``format_``."""
    if isinstance(format_, FloatFormat):
        known = [(significand_bits(name), name) for name in values if name.startswith("fp")]
        return sorted(known), float(format_.mantissa_bits + 1)
    known = [(float(name.removeprefix("int")), name) for name in values if name.startswith("int")]
    return sorted(known), float(format_.bits)


def _above(sizes: list[float], x: float) -> int:
    """Place of the upper one of the two sizes around ``x`` (of the nearest two beyond the ends)."""
    return max(1, next((i for i, size in enumerate(sizes) if size >= x), len(sizes) - 1))


def _power_law(known: list[tuple[float, float]], x: float) -> float:
    """Log-log interpolation through the two points around ``x`` (the nearest two beyond the ends)."""
    upper = _above([size for size, _ in known], x)
    (x0, y0), (x1, y1) = known[upper - 1], known[upper]
    exponent = math.log(y1 / y0) / math.log(x1 / x0)
    return float(y0 * (x / x0) ** exponent)


def technology_names() -> list[str]:
    """Names of the technologies that ship with accelsim."""
    folder = resources.files("accelsim.hardware") / "technologies"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


@cache
def load_technology(name: str) -> Technology:
    """Return the shipped technology called ``name``.

    Raises:
        ValueError: no such technology ships.
    """
    names = technology_names()
    if name not in names:
        raise ValueError(f"no technology is called {name!r}; allowed: {', '.join(names)}{nearest(name, names)}")
    return load_model(Technology, Path(str(resources.files("accelsim.hardware") / "technologies" / f"{name}.yaml")))
