"""``accelsim sweep``."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from accelsim.cli.console import plain_console
from accelsim.cli.folders import default_folder
from accelsim.cli.logs import LOG, listener
from accelsim.cli.numbers import seeds_asked
from accelsim.cli.simulate import HWCONFIG, JSON, QUANTISERS_EVERY, SETTINGS, TRACK, WORKLOAD
from accelsim.errors import UserError

if TYPE_CHECKING:
    from accelsim.studies.sweep import Sweep

SEARCHED = ("time_per_step_s", "energy_per_step_pj")
"""Figures that --trials finds the least of, unless others are named."""


def sweep(
    hwconfig: HWCONFIG,
    workload: WORKLOAD,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            help="A field of either file and its values: dram.channels=1,2,4. Fields that take the same value are "
            "joined: mac_array.rows+mac_array.columns=16,32. Or hwconfig=A.yaml,B.yaml, workload=... Repeatable; every "
            "combination is a point.",
            metavar="FIELD=V1,V2,...",
        ),
    ] = None,
    settings: SETTINGS = None,
    timing_only: Annotated[
        bool, typer.Option("--timing-only", help="Cycles and energy alone: no data set, no training.")
    ] = False,
    epochs: Annotated[int | None, typer.Option(help="Passes over the images, instead of the workload's.")] = None,
    steps: Annotated[int | None, typer.Option(help="Stop each training after this many steps.")] = None,
    seeds: Annotated[
        str | None,
        typer.Option(
            help="Train each point once for each of several seeds: a list (1,2,3), or how many, counted from the "
            "workload's on. Means are ranked, and points within the spread named.",
            metavar="N|A,B,...",
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder of the data set's files, instead of the workload's.")
    ] = None,
    quantisers_every: QUANTISERS_EVERY = None,
    track: TRACK = None,
    jobs: Annotated[int, typer.Option(help="Points at once. 0: as many as there are CPUs.", min=0)] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder of table, page and points. Default: runs/sweep-HWCONFIG-WORKLOAD.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the sweep in the folder; values and seeds may be added.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the sweep in the folder.")] = False,
    frontier: Annotated[
        str | None,
        typer.Option(
            help="Two columns of the table: the points that no other beats in both are shown. Default: the two that "
            "--trials searches for; else time_per_step_s and test_accuracy, or energy_per_step_pj with --timing-only."
        ),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(help="Look at so many points of the grid, chosen by Optuna, which is an extra of the package."),
    ] = None,
    minimise: Annotated[
        str | None,
        typer.Option(
            help="With --trials: columns to find the least of. Default: those of --frontier, or "
            "time_per_step_s,energy_per_step_pj."
        ),
    ] = None,
    maximise: Annotated[str | None, typer.Option(help="With --trials: columns to find the most of.")] = None,
    log: LOG = None,
    as_json: JSON = False,
) -> None:
    """Simulate every combination of values, and show which no other beats: table, page and frontier."""
    from accelsim.reports.sweep import check_axes
    from accelsim.studies.sweep import sweep as run

    least, most, axes = _names(minimise), _names(maximise), _names(frontier)
    if frontier is not None:
        check_axes(axes, timing_only=timing_only)
    if trials and not [*least, *most]:
        least = axes or list(SEARCHED)
    named = default_folder(hwconfig.with_name(f"sweep-{hwconfig.name}"), workload, resume=resume, force=force)
    with nullcontext(out) if out else named as folder:
        found = run(
            hwconfig,
            workload,
            vary or (),
            settings=settings or (),
            timing_only=timing_only,
            epochs=epochs,
            steps=steps,
            seeds=() if seeds is None else seeds_asked(seeds),
            data=data,
            quantisers_every=quantisers_every,
            track=track or (),
            jobs=jobs,
            out=folder,
            resume=resume,
            force=force,
            trials=trials,
            minimise=least,
            maximise=most,
            frontier=axes,
            observer=listener(log, as_json=as_json),
        )
    _show(found, as_json=as_json)


def _show(found: Sweep, *, as_json: bool) -> None:
    """The frontier, the best points and the refused ones.

    Raises:
        UserError: every point was refused.
    """
    from accelsim.reports.plain import records
    from accelsim.reports.sweep import (
        alike_line,
        best_table,
        failed_lines,
        frontier_table,
        recompute_line,
        runs_as_line,
        spread_line,
        warned_lines,
    )

    data, console = found.data, plain_console()
    failed = failed_lines(data)
    if data.points.empty:
        raise UserError("\n".join(["every point was refused:", *failed]))
    if as_json:
        tables = {"points": found.table, "frontier": found.frontier()}
        shown = {name: records(table) for name, table in tables.items()}
        typer.echo(json.dumps({"folder": str(found.folder), **shown}, indent=2))
        return
    console.print(frontier_table(data, console.width))
    console.print(best_table(data, console.width))
    for line in filter(None, (alike_line(data), runs_as_line(data), recompute_line(data), spread_line(data))):
        console.print(line, highlight=False, markup=False)
    for line in warned_lines(data):
        console.print(f"warning of {line}", style="yellow", highlight=False, soft_wrap=True)
    if failed:
        console.print(f"{len(data.failed)} refused:", style="yellow", highlight=False)
        for line in failed:
            console.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)
    folder = found.folder or Path()
    console.print(f"table: {folder / 'sweep.csv'}\npage:  {folder / 'report.html'}", highlight=False, soft_wrap=True)


def _names(text: str | None) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()] if text else []
