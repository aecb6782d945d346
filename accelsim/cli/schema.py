"""``accelsim schema``."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer


class File(StrEnum):
    """Kinds of file that have a schema."""

    HWCONFIG = "hwconfig"
    WORKLOAD = "workload"


def schema(file: Annotated[File, typer.Argument(help="Which file.", show_default=False)]) -> None:
    """Print the JSON Schema of a file, for completion and checks in editors."""
    from accelsim.hardware import HardwareConfig
    from accelsim.networks import Workload

    model = HardwareConfig if file is File.HWCONFIG else Workload
    typer.echo(json.dumps(model.model_json_schema(), indent=2))
