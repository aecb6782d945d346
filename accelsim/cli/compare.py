"""``accelsim compare``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from accelsim.cli.console import plain_console
from accelsim.cli.logs import LOG, listener
from accelsim.cli.simulate import JSON
from accelsim.errors import UserError


def compare(
    runs: Annotated[
        list[Path], typer.Argument(help="Run folders, or hwconfig files with --workload.", show_default=False)
    ],
    workload: Annotated[
        Path | None, typer.Option(help="Workload of the hwconfigs; they are timed, not trained.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Change a field of the hwconfigs that are timed, or of the workload: mac_array.count=2. Repeatable.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="HTML page to write.")] = Path("comparison.html"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite the page.")] = False,
    log: LOG = None,
    as_json: JSON = False,
) -> None:
    """Compare model size, memory, speed, energy and accuracy with the first run, and write an HTML page."""
    from accelsim.atomic import write_atomically
    from accelsim.reports.compare import (
        compare_page,
        comparison,
        comparison_notes,
        comparison_table,
        comparison_warnings,
    )
    from accelsim.reports.plain import records
    from accelsim.studies.comparison import gathered

    _check_out(out, force=force)
    results = gathered(runs, workload, settings or (), listener(log, as_json=as_json))
    if as_json:
        for warning in comparison_warnings(results):
            typer.echo(f"warning: {warning}", err=True)
        for note in comparison_notes(results):
            typer.echo(f"note: {note}", err=True)
        typer.echo(json.dumps(records(comparison(results)), indent=2))
    else:
        console = plain_console()
        console.print(comparison_table(results, console.width, settings or ()))
    write_atomically(out, compare_page(results, settings or ()))
    if not as_json:
        plain_console().print(f"page: {out}", highlight=False, soft_wrap=True)


def _check_out(out: Path, *, force: bool) -> None:
    """Refuse, before any work, a page that can't be written."""
    if os.path.isdir(out):
        raise UserError(f"{out}: --out names a folder, and an HTML file is wanted")
    if not os.path.isdir(out.absolute().parent):
        raise UserError(f"{out}: --out names a file in {out.parent}, and there is no such folder")
    if os.path.lexists(out) and not force:
        raise UserError(f"{out}: exists already; --force overwrites it")
