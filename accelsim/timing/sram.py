"""Traffic of the three on-chip buffers, and the cycles that their ports need for it."""

from __future__ import annotations

from dataclasses import dataclass

from accelsim.hardware import Buffer, Buffers


@dataclass(frozen=True)
class Access:
    """Bytes read from and written to one buffer."""

    read_bytes: int = 0
    write_bytes: int = 0

    def __add__(self, other: Access) -> Access:
        return Access(self.read_bytes + other.read_bytes, self.write_bytes + other.write_bytes)

    def repeated(self, times: int) -> Access:
        return Access(times * self.read_bytes, times * self.write_bytes)

    def port_cycles(self, buffer: Buffer) -> int:
        """Cycles that the buffer's port needs; it reads and writes ``bytes_per_cycle`` each in one cycle."""
        return -(-max(self.read_bytes, self.write_bytes) // buffer.bytes_per_cycle)


@dataclass(frozen=True)
class SramTraffic:
    """Accesses by buffer, in bytes."""

    input: Access = Access()
    weight: Access = Access()
    output: Access = Access()

    def __add__(self, other: SramTraffic) -> SramTraffic:
        return SramTraffic(self.input + other.input, self.weight + other.weight, self.output + other.output)

    def repeated(self, times: int) -> SramTraffic:
        """The same traffic, ``times`` over."""
        return SramTraffic(*(access.repeated(times) for access in (self.input, self.weight, self.output)))

    @property
    def read_bytes(self) -> int:
        return self.input.read_bytes + self.weight.read_bytes + self.output.read_bytes

    @property
    def write_bytes(self) -> int:
        return self.input.write_bytes + self.weight.write_bytes + self.output.write_bytes

    def port_cycles(self, buffers: Buffers) -> int:
        """Cycles that the busiest of the three ports needs."""
        return max(
            self.input.port_cycles(buffers.input),
            self.weight.port_cycles(buffers.weight),
            self.output.port_cycles(buffers.output),
        )
