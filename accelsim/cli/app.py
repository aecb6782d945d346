"""``accelsim``: one command a capability; a user's mistake ends with one message and exit code 2."""

from __future__ import annotations

import sys

import typer

from accelsim.cli.check import check
from accelsim.cli.compare import compare
from accelsim.cli.explain import explain
from accelsim.cli.schema import schema
from accelsim.cli.simulate import simulate
from accelsim.errors import UserError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Simulate low-precision training accelerators: bits, cycles and energy.",
)
for command in (simulate, compare, check, explain, schema):
    app.command()(command)


def main() -> None:
    """Run the command line and exit: 0 done, 2 the user's mistake, 130 interrupted."""
    try:
        app()
    except UserError as error:
        sys.stderr.write("".join(f"error: {line}\n" for line in str(error).splitlines()))
        sys.exit(2)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; a run with --out goes on with --resume\n")
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
