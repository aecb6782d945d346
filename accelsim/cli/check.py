"""``accelsim check``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from accelsim.errors import UserError


def check(
    files: Annotated[list[Path], typer.Argument(help="hwconfig or workload files.", show_default=False)],
) -> None:
    """Validate files; every fault is one line with file, line, field, what was found and what is allowed."""
    faults = []
    for path in files:
        try:
            typer.echo(f"{path}: a valid {_checked(path)}")
        except UserError as error:
            faults.append(str(error))
    if faults:
        raise UserError("\n".join(faults))


def _checked(path: Path) -> str:
    """Validate one file and say what it is."""
    from accelsim.hardware import HardwareConfig
    from accelsim.networks.importers.scalesim_topology import read_topology
    from accelsim.simulation.inputs import check_marked_workload
    from accelsim.yamlfile import kind_of, read_marked, validated

    if path.suffix.lower() == ".csv":
        read_topology(path)
        return "topology"
    marked = read_marked(path)
    kind = kind_of(marked.data)
    if kind == "hwconfig":
        validated(HardwareConfig, marked, kind)
        return kind
    if kind in ("workload", "topology"):
        check_marked_workload(marked)
        return kind
    raise marked.error(
        (),
        "neither a hwconfig (fields mac_array, buffers, dram, numerics, ...) "
        "nor a workload (fields dataset, network, optimizer, ...) nor a topology (field layers)",
    )
