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
    from accelsim.hardware import load_hwconfig
    from accelsim.simulation.stages import check_workload
    from accelsim.yamlfile.marks import read_marked

    data = read_marked(path).data
    keys = set(data) if isinstance(data, dict) else set()
    if keys & {"network", "dataset", "optimizer", "batch_size"}:
        check_workload(path)
        return "workload"
    if keys & {"mac_array", "numerics", "buffers", "dram", "clock_mhz"}:
        load_hwconfig(path)
        return "hwconfig"
    raise UserError(
        f"{path}:1:1: neither a hwconfig (fields mac_array, buffers, dram, numerics, ...) "
        "nor a workload (fields dataset, network, optimizer, ...)"
    )
