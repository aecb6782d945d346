"""``accelsim precision``."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from accelsim.cli.console import plain_console
from accelsim.cli.folders import default_folder
from accelsim.cli.logs import LOG, listener
from accelsim.cli.numbers import number_list, step_list
from accelsim.cli.simulate import HWCONFIG, JSON, SETTINGS

SUFFIX = "-precision"


def precision(
    hwconfig: HWCONFIG,
    workload: Annotated[Path, typer.Argument(help="Network and recipe: a workload YAML file.", show_default=False)],
    bits: Annotated[str, typer.Option(help="Widths of integers to try, from 2 to 24.", metavar="N,M-P")] = "2-12,16",
    at: Annotated[
        str | None,
        typer.Option(
            help="Training steps to look at, as 1,10,100,last. Default: eight from the first to the last, each the "
            "same factor after the one before.",
            metavar="STEPS",
        ),
    ] = None,
    every: Annotated[int | None, typer.Option(help="Look at each N-th step, in place of --at.", metavar="N")] = None,
    cosine: Annotated[
        float, typer.Option(help="Mean cosine less one standard deviation that counts as enough; a rule of thumb.")
    ] = 0.98,
    quantisers: Annotated[
        Path | None,
        typer.Option(
            help="Accelerator whose scales and roundings are tried, in place of HWCONFIG's own: what its quantisers "
            "would do to the tensors of a float training.",
            metavar="HWCONFIG",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the tables and the page. Default: runs/HWCONFIG-WORKLOAD-precision.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the images, instead of the workload's.")] = None,
    steps: Annotated[int | None, typer.Option(help="Stop after this many training steps.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed from 0 to 2^32 - 1, instead of the workload's.")] = None,
    settings: SETTINGS = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder of the data set's files, instead of the workload's.")
    ] = None,
    backend: Annotated[
        str | None, typer.Option(help="CPU kernels that train: compiled or numpy. Default: compiled.")
    ] = None,
    device: Annotated[str, typer.Option(help="Where to train: auto (a GPU where CuPy sees one), cpu or gpu.")] = "auto",
    force: Annotated[bool, typer.Option("--force", help="Overwrite the study in the folder.")] = False,
    log: LOG = None,
    as_json: JSON = False,
) -> None:
    """How many bits each tensor needs: train, and measure the angle that quantisation would turn it by."""
    from accelsim.reports.plain import records
    from accelsim.reports.precision.terminal import precision_tables
    from accelsim.studies.precision import precision as run

    widths = number_list("--bits", bits)
    chosen = None if at is None else step_list("--at", at)
    named = nullcontext(out) if out else default_folder(hwconfig, workload, resume=False, force=force, suffix=SUFFIX)
    with named as folder:
        result = run(
            hwconfig,
            workload,
            bits=widths,
            at=chosen,
            every=every,
            cosine=cosine,
            quantisers=quantisers,
            out=folder,
            epochs=epochs,
            steps=steps,
            seed=seed,
            data=data,
            settings=settings or (),
            backend=backend,
            device=device,
            force=force,
            observer=listener(log, as_json=as_json),
        )
    if as_json:
        figures = {"classes": records(result.by_class), "bits_needed": records(result.bits_needed)}
        typer.echo(json.dumps({**result.summary, **figures, "folder": str(folder)}, indent=2))
        return
    console = plain_console()
    for table in precision_tables(result, console.width):
        console.print(table)
    console.print(f"folder: {folder}\nreport: {folder / 'report.html'}", highlight=False, soft_wrap=True)
