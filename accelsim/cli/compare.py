"""``accelsim compare``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from accelsim.cli.bars import Bars
from accelsim.cli.simulate import JSON
from accelsim.errors import UserError

if TYPE_CHECKING:
    from accelsim.reports.result import Result


def compare(
    runs: Annotated[
        list[Path], typer.Argument(help="Run folders, or hwconfig files with --workload.", show_default=False)
    ],
    workload: Annotated[
        Path | None, typer.Option(help="Workload of the hwconfigs; they are timed, not trained.")
    ] = None,
    out: Annotated[Path, typer.Option(help="HTML page to write.")] = Path("comparison.html"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite the page.")] = False,
    as_json: JSON = False,
) -> None:
    """Compare model size, memory, speed, energy and accuracy with the first run, and write an HTML page."""
    from accelsim.atomic import write_atomically
    from accelsim.reports.compare import compare_page, comparison, comparison_table, comparison_warnings

    _check_out(out, force=force)
    if len(runs) < 2:
        raise UserError(f"compare needs at least two runs or hwconfigs, and got {len(runs)}")
    results = [_result(path, workload, quiet=as_json) for path in runs]
    if as_json:
        for warning in comparison_warnings(results):
            typer.echo(f"warning: {warning}", err=True)
        typer.echo(json.dumps(json.loads(comparison(results).to_json(orient="records")), indent=2))
    else:
        console = Console()
        console.print(comparison_table(results, console.width))
    write_atomically(out, compare_page(results))
    if not as_json:
        Console().print(f"page: {out}", highlight=False, soft_wrap=True)


def _check_out(out: Path, *, force: bool) -> None:
    """Refuse, before any work, a page that can't be written."""
    if os.path.isdir(out):
        raise UserError(f"{out}: --out names a folder, and an HTML file is wanted")
    if not os.path.isdir(out.absolute().parent):
        raise UserError(f"{out}: --out names a file in {out.parent}, and there is no such folder")
    if os.path.lexists(out) and not force:
        raise UserError(f"{out}: exists already; --force overwrites it")


def _result(path: Path, workload: Path | None, *, quiet: bool) -> Result:
    from accelsim.reports.run_folder import load
    from accelsim.simulation import simulate

    if os.path.isdir(path):
        return load(path)
    if not os.path.exists(path):
        raise UserError(f"{path}: there is no such run folder or hwconfig file")
    if workload is None:
        raise UserError(f"{path}: not a run folder; to compare hwconfigs give a workload with --workload")
    return simulate(path, workload, timing_only=True, observer=Bars(Console(stderr=True), quiet=quiet))
