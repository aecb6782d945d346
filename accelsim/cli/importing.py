"""``accelsim import``: files of other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from accelsim.cli.console import plain_console
from accelsim.cli.interrupts import interruptible
from accelsim.errors import UserError

importer = typer.Typer(no_args_is_help=True, help="Turn files of other tools into accelsim's.")

FORCE = Annotated[bool, typer.Option("--force", help="Overwrite the files.")]


def scalesim(
    cfg: Annotated[Path, typer.Argument(help="A SCALE-Sim configuration file.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="hwconfig file to write. Default: print it.", show_default=False)
    ] = None,
    force: FORCE = False,
) -> None:
    """Turn a SCALE-Sim cfg into a hwconfig; what has no counterpart stands in its comments.

    Topology files need no import: accelsim simulate takes them as they are.
    """
    from accelsim.atomic import write_atomically
    from accelsim.networks.importers.scalesim_config import import_scalesim_config

    text = import_scalesim_config(cfg)
    if out is None:
        typer.echo(text, nl=False)
        return
    _check_free(out, force=force)
    write_atomically(out, text)
    plain_console().print(f"hwconfig: {out}", highlight=False, soft_wrap=True)


def onnx(
    model: Annotated[
        Path, typer.Argument(help="An ONNX model of floats, up to the classes' scores.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--out",
            help="Workload file to write, with the weights beside it. Default: print it, without weights.",
            show_default=False,
        ),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Kind of data set. Default: one that has such images and classes, else npz.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the workload. Default: the model file's.")] = None,
    input_shape: Annotated[
        str | None,
        typer.Option(help="Sizes that the model leaves open, without the batch: 3,224,224.", show_default=False),
    ] = None,
    no_weights: Annotated[
        bool, typer.Option("--no-weights", help="The network alone; training starts from random values.")
    ] = False,
    force: FORCE = False,
) -> None:
    """Turn an ONNX model into a workload, and its weights into a file that training starts from.

    Data set, batch size and optimizer are placeholders to be edited. docs/importers.md lists what is supported.
    """
    from accelsim.atomic import write_atomically
    from accelsim.networks.workload_text import workload_text
    from accelsim.simulation.imported import imported_onnx
    from accelsim.training.initial_weights import save_weights

    weights = None if out is None or no_weights else out.with_suffix(".safetensors")
    for path in filter(None, (out, weights)):
        _check_free(path, force=force)
    shape = None if input_shape is None else _sizes(input_shape)
    given = weights.name if weights else None
    found = imported_onnx(model, name=name, dataset=dataset, weights=given, input_shape=shape)
    text = workload_text(found.workload, [f"Imported from {model.name}.", *found.comments])
    if out is None:
        typer.echo(text, nl=False)
        return
    console = plain_console()
    if weights:
        save_weights(found.network.values, weights)
        console.print(f"weights:  {weights}", highlight=False, soft_wrap=True)
    write_atomically(out, text)
    console.print(f"workload: {out}", highlight=False, soft_wrap=True)
    for note in found.network.notes:
        console.print(f"note:     {note}", highlight=False, soft_wrap=True, markup=False)


def _check_free(path: Path, *, force: bool) -> None:
    if path.exists() and not force:
        raise UserError(f"{path}: exists already; --force overwrites it")


def _sizes(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and 0 < int(part) <= 65535 for part in parts):
        raise UserError(f"--input-shape: found {text!r}; allowed: whole numbers with commas, as 3,224,224")
    return [int(part) for part in parts]


for command in (scalesim, onnx):
    importer.command()(interruptible(command))
