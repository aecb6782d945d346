"""``accelsim schema``."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any

import typer


class File(StrEnum):
    """Kinds of file that have a schema."""

    HWCONFIG = "hwconfig"
    WORKLOAD = "workload"


def schema(file: Annotated[File, typer.Argument(help="Which file.", show_default=False)]) -> None:
    """Print the JSON Schema of a file, for completion and checks in editors."""
    typer.echo(json.dumps(file_schema(file), indent=2))


def file_schema(file: File) -> dict[str, Any]:
    """The JSON Schema of one kind of file."""
    from accelsim.cli.layer_schema import with_layers
    from accelsim.hardware import HardwareConfig
    from accelsim.networks import Workload

    if file is File.HWCONFIG:
        return HardwareConfig.model_json_schema()
    return with_layers(Workload.model_json_schema())
