"""hwconfig: on-chip memories, from the levels below DRAM to the operand buffers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from accelsim.hardware.technology import WORD_BITS
from accelsim.yamlfile import Allowed, Fault, FileModel, quantity, refuse

Bytes = Annotated[int, quantity("byte", whole=True), Field(ge=1, le=1 << 40)]
MOST_LEVELS = 8
LEAST_WORDS = 64
"""Of a bank with words wider than ``WORD_BITS``: the fewest that the tables have."""
OTHER_MEMORIES = ("dram", "input", "weight", "output")
"""Names that a level can't have."""


class Memory(FileModel):
    """One on-chip SRAM."""

    capacity_bytes: Bytes
    """Size, in bytes or as a quantity such as 256 KiB."""
    bytes_per_cycle: Annotated[int, Field(ge=1, le=1 << 20)]
    """Width of a port, in bytes per cycle."""
    banks: Annotated[int, Field(ge=1, le=65536)] = 1
    """Equal parts that are accessed by themselves; an access costs the energy of a memory of one bank's capacity."""
    word_bits: Literal[32, 64, 128, 256, 512, 1024, 2048, 4096] = WORD_BITS
    """Bits that one access reads or writes. A wider word shares an access's decoder and word line among more bytes; all
    of its bytes count as used. A bank has at least 64 of the words that are wider than 64 bits."""
    ports: Literal["separate", "shared"] = "separate"
    """separate: a port for reads and one for writes. shared: one for both, so that reads and writes take turns; what
    fills one bank doesn't hold up reads of another."""
    double_buffered: bool = True
    """Half of it is filled while the other half is used; then a tile has half of the capacity."""
    resident_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share that keeps tensors on chip from one operation to a later one; the rest holds the tiles at work."""

    @model_validator(mode="after")
    def _banks_hold_bytes(self) -> Memory:
        if self.banks > self.capacity_bytes:
            text = f"found {self.banks}, and capacity_bytes is {self.capacity_bytes}; a bank has at least one byte"
            refuse("memory", [Fault(("banks",), text)])
        return self

    @model_validator(mode="after")
    def _banks_hold_words(self) -> Memory:
        if self.word_bits > WORD_BITS and 8 * self.bank_bytes < LEAST_WORDS * self.word_bits:
            widest = max(WORD_BITS, 1 << (8 * self.bank_bytes // LEAST_WORDS).bit_length() - 1)
            bank = f"a bank of {self.bank_bytes} bytes holds fewer than {LEAST_WORDS} of them"
            text = f"found {self.word_bits}, and {bank}; allowed here: at most {widest}"
            refuse("memory", [Fault(("word_bits",), text)])
        return self

    @property
    def resident_bytes(self) -> int:
        """Bytes for tensors that stay on chip between operations."""
        return int(self.capacity_bytes * self.resident_share)

    @property
    def tile_bytes(self) -> int:
        """Bytes that one tile may take."""
        return (self.capacity_bytes - self.resident_bytes) // (2 if self.double_buffered else 1)

    @property
    def bank_bytes(self) -> int:
        """Capacity of one bank."""
        return -(-self.capacity_bytes // self.banks)

    @property
    def fills_take_turns(self) -> bool:
        """True where filling it and reading it use the same port of the same bank."""
        return self.ports == "shared" and self.banks == 1


class Buffer(Memory):
    """One operand buffer; its port faces the compute units."""

    @property
    def tile_rule(self) -> str:
        """For messages: what part of the capacity a tile gets."""
        return "the share that is not resident" + (", halved by double buffering" if self.double_buffered else "")

    def capacity_for(self, tile_bytes: int) -> int:
        """Smallest capacity, in bytes, whose tiles can be ``tile_bytes`` large."""
        at_work = tile_bytes * (2 if self.double_buffered else 1)
        # What isn't resident is rounded up, so that the last byte at work needs no whole share.
        capacity = math.floor((at_work - 1) / (1 - self.resident_share)) + 1
        return capacity if capacity - int(capacity * self.resident_share) >= at_work else capacity + 1


class Level(Memory):
    """A memory between DRAM and the operand buffers, which all units share."""

    name: Annotated[
        str,
        Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=32),
        Allowed("lower-case letters, digits and _, a letter first"),
    ]
    """Short name in lower case, for tables and stall causes."""


class Buffers(FileModel):
    """The memories of the accelerator: the three operand buffers, and any levels between them and DRAM."""

    levels: Annotated[tuple[Level, ...], Field(max_length=MOST_LEVELS)] = ()
    """Shared memories, from DRAM inwards."""
    input: Buffer
    """Left operand of a product (activations, gradients); also what vector, norm and quantise units read."""
    weight: Buffer
    """Right operand of a product."""
    output: Buffer
    """Accumulators and results on their way out."""

    @model_validator(mode="after")
    def _levels_have_names(self) -> Buffers:
        refuse("buffers", [*self._wrong_names()])
        return self

    def _wrong_names(self) -> Iterator[Fault]:
        counts = Counter(level.name for level in self.levels)
        for i, level in enumerate(self.levels):
            if level.name in OTHER_MEMORIES:
                yield Fault(("levels", i, "name"), f"found {level.name!r}, which is another memory's name")
            elif counts[level.name] > 1:
                yield Fault(("levels", i, "name"), f"found {level.name!r} {counts[level.name]} times; each has its own")

    @property
    def memories(self) -> tuple[Memory, ...]:
        """Levels from DRAM inwards, then the operand buffers."""
        return (*self.levels, self.input, self.weight, self.output)
