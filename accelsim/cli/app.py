"""``accelsim``: one command a capability; a user's mistake ends with one message and exit code 2."""

from __future__ import annotations

import atexit
import gc
import sys
from itertools import pairwise
from typing import Annotated

import typer

from accelsim.cli.check import check
from accelsim.cli.compare import compare
from accelsim.cli.evaluate import evaluate
from accelsim.cli.explain import explain
from accelsim.cli.importing import importer
from accelsim.cli.interrupts import Interrupted, interruptible
from accelsim.cli.precision import precision
from accelsim.cli.schema import schema
from accelsim.cli.simulate import simulate
from accelsim.cli.sweep import sweep
from accelsim.errors import UserError
from accelsim.version import __version__

COLLECT_AFTER = 500_000
"""New containers after which Python looks for cycles among them. By default it does every 700, and then looks at all
that modules, plans and tables are made of, over and over; hardly any of it is ever let go."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Simulate low-precision training accelerators: bits, cycles and energy.",
    epilog="Exit codes: 0 done, 2 a mistake in the input (the message says which), 130 interrupted.",
)
for command in (simulate, evaluate, compare, sweep, precision, check, explain, schema):
    app.command()(interruptible(command))
app.add_typer(importer, name="import")


def main() -> None:
    """Run the command line and exit: 0 done, 2 the user's mistake, 130 interrupted."""
    gc.set_threshold(COLLECT_AFTER)
    atexit.register(gc.freeze)  # with all memory about to go, a last search for cycles would take half a second
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without UTF-8 shows ? and the run goes on
    try:
        _refuse_nothing(sys.argv[1:])
        app(prog_name="accelsim")
    except UserError as error:
        _fail("".join(f"error: {line}\n" for line in str(error).splitlines()), 2)
    except MemoryError:
        _fail("error: not enough memory; lower batch_size or the layers' sizes, or use --timing-only\n", 2)
    except (Interrupted, KeyboardInterrupt) as error:
        _fail("; ".join(["interrupted", *map(str, error.args)]) + "\n", 130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        _fail(f"error: {error.filename or 'a file'}: {error.strerror or error}\n", 2)


def _refuse_nothing(arguments: list[str]) -> None:
    """Refuse an option whose value is empty: as a path it would be the current folder.

    Raises:
        UserError: there is one.
    """
    for argument, following in pairwise([*arguments, "end"]):
        name, equals, value = argument.partition("=")
        if name.startswith("--") and not (value if equals else following):
            raise UserError(f"{name}: found nothing; give a value, or leave it out (is a variable of the shell empty?)")


def _fail(message: str, code: int) -> None:
    sys.stderr.write(message)
    sys.exit(code)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"accelsim {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options of the program itself."""
