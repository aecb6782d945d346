"""Traffic of the on-chip memories, and the cycles that the operand buffers' ports need for it.

A buffer with separate ports reads and writes ``bytes_per_cycle`` each in one cycle. With one shared port:

- what a unit reads and what it writes take turns;
- what fills or empties a buffer (the next tile in, the last one out) takes turns with the unit, too, where there is one
  bank. With two or more, the tile at work and the tile on its way lie in different banks. A buffer that is not
  double-buffered is filled and emptied while the unit waits.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest

from accelsim.hardware import Buffer, Buffers


@dataclass(frozen=True)
class Access:
    """Bytes read from and written to one memory."""

    read_bytes: int = 0
    write_bytes: int = 0

    def __add__(self, other: Access) -> Access:
        return Access(self.read_bytes + other.read_bytes, self.write_bytes + other.write_bytes)

    @property
    def bytes(self) -> int:
        return self.read_bytes + self.write_bytes

    def repeated(self, times: int) -> Access:
        return Access(times * self.read_bytes, times * self.write_bytes)

    def port_bytes(self, buffer: Buffer, tiles: Access) -> int:
        """Bytes that pass the buffer's port one after another: a unit's, and those of ``tiles`` where they take turns.

        ``tiles``: what fills and empties the buffer meanwhile.
        """
        moved = max(self.read_bytes, self.write_bytes) if buffer.ports == "separate" else self.bytes
        return moved + tiles.bytes * (buffer.fills_take_turns and buffer.double_buffered)

    def port_cycles(self, buffer: Buffer, tiles: Access) -> int:
        """Cycles that the buffer's port needs for them."""
        return -(-self.port_bytes(buffer, tiles) // buffer.bytes_per_cycle)


@dataclass(frozen=True)
class SramTraffic:
    """Accesses by memory, in bytes; ``levels`` from DRAM inwards, none where nothing passed them."""

    input: Access = Access()
    weight: Access = Access()
    output: Access = Access()
    levels: tuple[Access, ...] = ()

    def __add__(self, other: SramTraffic) -> SramTraffic:
        levels = tuple(a + b for a, b in zip_longest(self.levels, other.levels, fillvalue=Access()))
        return SramTraffic(self.input + other.input, self.weight + other.weight, self.output + other.output, levels)

    def repeated(self, times: int) -> SramTraffic:
        """The same traffic, ``times`` over."""
        first, second, third, *levels = (access.repeated(times) for access in self.all)
        return SramTraffic(first, second, third, tuple(levels))

    @property
    def all(self) -> tuple[Access, ...]:
        return (self.input, self.weight, self.output, *self.levels)

    @property
    def read_bytes(self) -> int:
        return sum(access.read_bytes for access in self.all)

    @property
    def write_bytes(self) -> int:
        return sum(access.write_bytes for access in self.all)

    def port_cycles(self, buffers: Buffers, tiles: SramTraffic) -> int:
        """Cycles that the busiest of the three ports needs for a unit, while ``tiles`` come and go."""
        return max(
            self.input.port_cycles(buffers.input, tiles.input),
            self.weight.port_cycles(buffers.weight, tiles.weight),
            self.output.port_cycles(buffers.output, tiles.output),
        )
