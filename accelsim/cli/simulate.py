"""``accelsim simulate``."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from accelsim.cli.console import plain_console
from accelsim.cli.folders import default_folder
from accelsim.cli.logs import LOG, listener
from accelsim.cli.numbers import seeds_asked
from accelsim.errors import UserError

if TYPE_CHECKING:
    from accelsim.reports.result import Result

HWCONFIG = Annotated[Path, typer.Argument(help="Accelerator: a hwconfig YAML file.", show_default=False)]
WORKLOAD = Annotated[
    Path,
    typer.Argument(help="Network and recipe: a workload YAML file; or a SCALE-Sim topology CSV.", show_default=False),
]
SETTINGS = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change a field of either file: numerics.activation.format=int4. Repeatable."),
]
QUANTISERS_EVERY = Annotated[
    int | None,
    typer.Option(
        help="Record scale, saturation, zeros and noise of every quantiser in each N-th training step, into "
        "quantisers.csv. Default: in the last step of each epoch alone.",
        metavar="N",
    ),
]
TRACK = Annotated[
    list[str] | None,
    typer.Option(
        help="Follow the training live: tensorboard writes figures and histograms into the run folder, for "
        "TensorBoard to show (an extra of the package). Repeatable.",
        metavar="TRACKER",
    ),
]
JSON = Annotated[bool, typer.Option("--json", help="Print the figures as JSON, and nothing else.")]


def simulate(
    hwconfig: HWCONFIG,
    workload: WORKLOAD,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the run's tables, checkpoint and report. Default: runs/HWCONFIG-WORKLOAD."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the images, instead of the workload's.")] = None,
    steps: Annotated[
        int | None, typer.Option(help="Stop after this many training steps, those before --resume included.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed from 0 to 2^32 - 1, instead of the workload's.")] = None,
    seeds: Annotated[
        str | None,
        typer.Option(
            help="Train once for each of several seeds, into folders seed_N: a list (1,2,3), or how many, counted from "
            "the workload's on. Shows mean and standard deviation. Default folder: runs/HWCONFIG-WORKLOAD-seeds.",
            metavar="N|A,B,...",
        ),
    ] = None,
    settings: SETTINGS = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder of the data set's files, instead of the workload's.")
    ] = None,
    timing_only: Annotated[
        bool, typer.Option("--timing-only", help="Cycles and energy alone: no data set, no training.")
    ] = False,
    backend: Annotated[
        str | None,
        typer.Option(
            help="CPU kernels that train: compiled or numpy. The same bits on integer machines; sums of float32 "
            "products have an order of their own on each. Default: compiled."
        ),
    ] = None,
    device: Annotated[
        str,
        typer.Option(
            help="Where to train: auto (a GPU where CuPy sees one), cpu or gpu; the same bits on integer machines."
        ),
    ] = "auto",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the checkpoint in the run folder, to the very same bits.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Overwrite the run in the run folder; with --resume, all but its training."),
    ] = False,
    quantisers_every: QUANTISERS_EVERY = None,
    track: TRACK = None,
    runs_as: Annotated[
        Path | None,
        typer.Option(
            help="Hwconfig of a machine with no more of anything, as another run's hwconfig.yaml: what is beyond it "
            "stays idle, so that the step takes its cycles, at this machine's energy and area."
        ),
    ] = None,
    scalesim_reports: Annotated[
        Path | None, typer.Option(help="Folder for SCALE-Sim's three report files, of the array's operations.")
    ] = None,
    log: LOG = None,
    as_json: JSON = False,
) -> None:
    """Time one training step, train bit by bit, and write a run folder with tables and report.html."""
    from accelsim.simulation import simulate as run

    several = None if seeds is None else _seeds(seeds, seed, timing_only=timing_only, reports=scalesim_reports)
    suffix = "" if several is None else "-seeds"
    named = nullcontext(out) if out else default_folder(hwconfig, workload, resume=resume, force=force, suffix=suffix)
    with named as folder:
        options: dict[str, Any] = {
            "out": folder,
            "epochs": epochs,
            "steps": steps,
            "data": data,
            "settings": settings or (),
            "backend": backend,
            "device": device,
            "resume": resume,
            "force": force,
            "quantisers_every": quantisers_every,
            "track": track or (),
            "runs_as": runs_as,
            "observer": listener(log, as_json=as_json),
        }
        if several is None:
            options |= {"seed": seed, "timing_only": timing_only, "scalesim_reports": scalesim_reports}
            result = run(hwconfig, workload, **options)
        else:
            from accelsim.studies.seeds import train_seeds

            result = train_seeds(hwconfig, workload, several, **options)
    _show(result, folder, as_json=as_json)


def _show(result: Result, folder: Path, *, as_json: bool) -> None:
    from accelsim.reports.spread import DEVIATION
    from accelsim.reports.summary_figures import warnings_of
    from accelsim.reports.terminal import step_tables, summary_table

    if as_json:
        means = {} if result.seeds is None else {"seeds": result.seeds.numbers, "spread": result.seeds.spread}
        typer.echo(json.dumps({**result.summary, **means, "folder": str(folder)}, indent=2))
        return
    console = plain_console()
    for text in warnings_of(result):
        console.print(f"warning: {text}", style="yellow", highlight=False, markup=False, soft_wrap=True)
    if "runs_as" in result.summary:
        console.print(f"runs as {result.summary['runs_as']}, the rest idle", highlight=False, markup=False)
    console.print(summary_table(result, console.width))
    if result.seeds:
        numbers = ", ".join(map(str, result.seeds.numbers))
        console.print(f"Means over seeds {numbers}. {DEVIATION}", highlight=False)
    for table in step_tables(result, console.width):
        console.print(table)
    what = "run folder" if result.seeds is None else "folder"
    console.print(f"{what}: {folder}\nreport:     {folder / 'report.html'}", highlight=False, soft_wrap=True)


def _seeds(text: str, seed: int | None, *, timing_only: bool, reports: Path | None) -> list[int] | int:
    """How many seeds, or which ones.

    Raises:
        UserError: neither, or options that belong to one run.
    """
    if timing_only:
        raise UserError("--timing-only trains nothing, so no figure depends on --seeds; leave one of them out")
    if seed is not None:
        raise UserError("--seed is of one run and --seeds of several; leave one of them out")
    if reports is not None:
        raise UserError("--scalesim-reports are of one run; leave --seeds out")
    return seeds_asked(text)
