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


class Form(StrEnum):
    """What it is printed as."""

    JSON = "json"
    MARKDOWN = "markdown"


INTROS = {
    File.HWCONFIG: "Every field of a hwconfig, in the order of the file. Quantities may have units: `256 KiB`",
    File.WORKLOAD: "Every field of a workload, in the order of the file. [Workloads](workloads.md) has examples",
}
COMMON = """.
`--set PATH=VALUE` changes any of them for a run; a heading has the path to the fields below it. What is not required
and has no default may be left out. `accelsim check FILE` names what is wrong with a file, and `accelsim schema {file}`
has all this as JSON Schema, for editors.

`accelsim schema {file} --format markdown` wrote this page from the models that read the file; `make reference` writes
it anew.
"""


def schema(
    file: Annotated[File, typer.Argument(help="Which file.", show_default=False)],
    form: Annotated[
        Form, typer.Option("--format", help="JSON Schema for editors, or a reference for people.")
    ] = Form.JSON,
) -> None:
    """Print every field of a file: as JSON Schema, for completion and checks in editors, or as Markdown."""
    typer.echo(
        json.dumps(file_schema(file), indent=2) if form is Form.JSON else file_reference(file), nl=form is Form.JSON
    )


def file_schema(file: File) -> dict[str, Any]:
    """The JSON Schema of one kind of file."""
    from accelsim.cli.layer_schema import with_layers
    from accelsim.hardware import HardwareConfig
    from accelsim.networks import Workload

    if file is File.HWCONFIG:
        return HardwareConfig.model_json_schema()
    return with_layers(Workload.model_json_schema())


def file_reference(file: File) -> str:
    """The Markdown reference of one kind of file."""
    from accelsim.cli.field_page import field_page
    from accelsim.hardware import HardwareConfig
    from accelsim.networks import Workload

    root = HardwareConfig if file is File.HWCONFIG else Workload
    return field_page(root, f"Fields of a {file}", INTROS[file] + COMMON.format(file=file))
