"""``accelsim import``: files of other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from accelsim.cli.interrupts import interruptible
from accelsim.errors import UserError

importer = typer.Typer(no_args_is_help=True, help="Turn files of other tools into accelsim's.")


def scalesim(
    cfg: Annotated[Path, typer.Argument(help="A SCALE-Sim configuration file.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="hwconfig file to write. Default: print it.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
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
    if out.exists() and not force:
        raise UserError(f"{out}: exists already; --force overwrites it")
    write_atomically(out, text)
    Console().print(f"hwconfig: {out}", highlight=False, soft_wrap=True)


importer.command()(interruptible(scalesim))
