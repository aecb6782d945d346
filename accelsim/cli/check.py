"""``accelsim check``."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from accelsim.errors import UserError

if TYPE_CHECKING:
    from accelsim.hardware import HardwareConfig
    from accelsim.networks import Topology, Workload


def check(
    files: Annotated[list[Path], typer.Argument(help="hwconfig or workload files.", show_default=False)],
) -> None:
    """Validate files; every fault is one line with file, line, field, what was found and what is allowed.

    Hwconfigs and workloads together are held against each other, each with every other: the layers that a hwconfig
    names, the batch that its cluster shares, and what its buffers must hold.
    """
    faults: list[str] = []
    hwconfigs: list[tuple[Path, HardwareConfig]] = []
    workloads: list[tuple[Path, Workload | Topology]] = []
    for path in files:
        try:
            found = _checked(path)
            typer.echo(f"{path}: a valid {_kind(found)}")
        except UserError as error:
            faults.append(str(error))
            continue
        if _kind(found) == "hwconfig":
            hwconfigs.append((path, found))
        else:
            workloads.append((path, found))
    for hw, workload in product(hwconfigs, workloads):
        faults += _unfit(*hw, *workload)
    if faults:
        raise UserError("\n".join(faults))


def _kind(found: Any) -> str:
    return {"HardwareConfig": "hwconfig"}.get(type(found).__name__, type(found).__name__.lower())


def _unfit(hw_path: Path, hw: HardwareConfig, workload_path: Path, workload: Workload | Topology) -> list[str]:
    """Why the two don't go together, if they don't."""
    from accelsim.simulation.inputs import Inputs, check_buffers, check_together

    inputs = Inputs(hw, workload)
    try:
        check_together(inputs, hw_path, workload_path)
        check_buffers(inputs, hw_path)
    except UserError as error:
        return [f"{fault} ({hw.name}, {workload.name})" for fault in str(error).splitlines()]
    return []


def _checked(path: Path) -> Any:
    """Validate one file and return what it holds."""
    from accelsim.hardware import HardwareConfig
    from accelsim.networks.importers.scalesim_topology import read_topology
    from accelsim.simulation.workload_check import check_marked_workload
    from accelsim.yamlfile import kind_of, read_marked, validated

    if path.suffix.lower() == ".csv":
        return read_topology(path)
    marked = read_marked(path)
    kind = kind_of(marked.data)
    if kind == "hwconfig":
        return validated(HardwareConfig, marked, kind)
    if kind in ("workload", "topology"):
        return check_marked_workload(marked)
    raise marked.error(
        (),
        "neither a hwconfig (fields mac_array, buffers, dram, numerics, ...) "
        "nor a workload (fields dataset, network, optimizer, ...) nor a topology (field layers)",
    )
