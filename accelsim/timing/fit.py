"""Whether the buffers of a hwconfig hold the smallest tiles of a Program."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from accelsim.errors import MisfitError, UserError
from accelsim.hardware import HardwareConfig
from accelsim.program import Operation, Program, Unit
from accelsim.timing.mapping.lane_plan import drain_on, lane_streams
from accelsim.timing.mapping.product_plan import product_parts
from accelsim.timing.mapping.tiling import misfits
from accelsim.timing.placement.nested import nested_placements
from accelsim.timing.placement.residency import Residency, place_tensors


def check_fit(program: Program, hw: HardwareConfig) -> None:
    """Hold every operation against the buffers; no tiles are searched for, so that it takes little time.

    Raises:
        UserError: a line for each buffer that is too small, with the operation that needs most of it; or the hwconfig
            lacks a unit.
    """
    fitting(program, hw)


def fitting(program: Program, hw: HardwareConfig) -> Residency:
    """A placement in issue order with which every operation fits.

    What comes from DRAM comes in whole bursts, and may take more room than what stays on chip. So where operations run
    one after another, and more room must do no harm, other placements are tried where the first rule's doesn't fit.

    Raises:
        UserError: as ``check_fit``.
    """
    residency = place_tensors(program, hw)
    worst = _worst(program, hw, residency)
    if not worst:
        return residency
    with_all_room = replace(residency, on_chip=frozenset(residency.lifetimes(program).lasting), in_levels={})
    if hw.serial and not _worst(program, hw, with_all_room):
        for placed in nested_placements(program, residency):
            if not _worst(program, hw, placed):
                return placed
    raise UserError("\n".join(map(str, worst.values())))


def _worst(program: Program, hw: HardwareConfig, residency: Residency) -> dict[str, MisfitError]:
    """Of each buffer that is too small, the operation that needs most of it."""
    worst: dict[str, MisfitError] = {}
    for operation in program.operations:
        for found in _misfits(program, hw, residency, operation):
            if found.buffer not in worst or found.needs_bytes > worst[found.buffer].needs_bytes:
                worst[found.buffer] = found
    return worst


def _misfits(program: Program, hw: HardwareConfig, residency: Residency, operation: Operation) -> Iterator[MisfitError]:
    if operation.index in residency.fused:
        return
    drain = drain_on(program, operation, residency, hw)
    if operation.unit is Unit.MAC_ARRAY:
        for part in product_parts(program, operation, hw, residency, drain):
            yield from misfits(operation.name, part.product, hw.buffers)
        return
    try:
        lane_streams(program, operation, hw, residency, drain)
    except MisfitError as error:
        yield error
