"""``accelsim explain``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from accelsim.cli.console import plain_console
from accelsim.cli.simulate import HWCONFIG, JSON, SETTINGS, WORKLOAD


def explain(
    hwconfig: HWCONFIG,
    workload: WORKLOAD,
    layer: Annotated[
        str | None, typer.Option(help="One layer with what it reads of others, for instance conv2d1.")
    ] = None,
    settings: SETTINGS = None,
    as_json: JSON = False,
) -> None:
    """List every tensor that goes into computing and updating a layer: format, scale, rounding, place."""
    from accelsim.reports.dtype_table import dtype_table
    from accelsim.reports.plain import records
    from accelsim.simulation import explain as table

    frame = table(hwconfig, workload, settings or (), layer)
    if as_json:
        typer.echo(json.dumps(records(frame), indent=2))
    else:
        console = plain_console()
        console.print(dtype_table(frame, layer, console.width))
