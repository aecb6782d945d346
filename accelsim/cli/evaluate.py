"""``accelsim evaluate``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from accelsim.cli.console import plain_console
from accelsim.cli.logs import LOG, listener
from accelsim.cli.simulate import JSON, SETTINGS
from accelsim.errors import UserError

if TYPE_CHECKING:
    from rich.table import Table

    from accelsim.simulation.evaluation import Evaluation


def evaluate(
    files: Annotated[
        list[Path], typer.Argument(help="A run folder; or a hwconfig and a workload file.", show_default=False)
    ],
    hwconfig: Annotated[
        Path | None, typer.Option(help="Another accelerator than the run folder's: post-training quantisation.")
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(help="Checkpoint or safetensors file. Default: the run's, or the workload's initial weights."),
    ] = None,
    settings: SETTINGS = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder of the data set's files, instead of the workload's.")
    ] = None,
    calibration_images: Annotated[
        int, typer.Option(help="Training images that measure ranges of activations which the training did not need.")
    ] = 1024,
    backend: Annotated[
        str | None,
        typer.Option(
            help="CPU kernels: compiled or numpy. The same bits on integer machines; sums of float32 products have an "
            "order of their own on each. Default: compiled."
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="Where to compute: auto (a GPU where CuPy sees one), cpu or gpu.")] = (
        "auto"
    ),
    log: LOG = None,
    as_json: JSON = False,
) -> None:
    """Test accuracy and loss of trained weights as an accelerator computes them, bit by bit, without training."""
    from accelsim.simulation import evaluate as run

    folder, machine, workload = _sorted(files, hwconfig)
    found = run(
        folder,
        hwconfig=machine,
        workload=workload,
        weights=weights,
        data=data,
        settings=settings or (),
        calibration_images=calibration_images,
        backend=backend,
        device=device,
        observer=listener(log, as_json=as_json),
    )
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
    else:
        console = plain_console()
        console.print(_table(found, console.width))
        console.print(f"weights: {found.weights}", highlight=False, markup=False, soft_wrap=True)


def _sorted(files: list[Path], hwconfig: Path | None) -> tuple[Path | None, Path | None, Path | None]:
    """Run folder, hwconfig and workload.

    Raises:
        UserError: neither a folder alone nor two files.
    """
    if len(files) == 1:
        return files[0], hwconfig, None
    if len(files) == 2 and hwconfig is None:
        return None, files[0], files[1]
    found = f"{len(files)} files" + (" and --hwconfig" if hwconfig else "")
    raise UserError(f"evaluate takes one run folder, or a hwconfig and a workload, and got {found}")


def _table(found: Evaluation, console_width: int) -> Table:
    from accelsim.reports.word_table import word_table

    rows = [
        ["Test accuracy", f"{found.test_accuracy:.2%}", f"{found.test_images:,} test images"],
        ["Test loss", f"{found.test_loss:.4f}", "mean cross-entropy"],
    ]
    if found.trained_test_accuracy is not None and found.trained_test_loss is not None:
        trained = f"{found.steps:,} training steps, on the machine that trained"
        rows.append(["Accuracy then", f"{found.trained_test_accuracy:.2%}", trained])
        rows.append(["Loss then", f"{found.trained_test_loss:.4f}", trained])
    if found.calibration_images:
        rows.append(["Calibration", f"{found.calibration_images:,}", "training images that ranges were measured on"])
    title = f"{found.workload} on {found.hwconfig}"
    return word_table(title, ["Figure", "Value", "Of"], rows, console_width, numeric=[1])
