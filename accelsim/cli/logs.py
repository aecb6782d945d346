"""``--log``: how a command tells of its progress, on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from accelsim.cli.bars import Bars
from accelsim.cli.console import plain_console
from accelsim.cli.json_log import JsonLog
from accelsim.cli.lines import Lines
from accelsim.errors import UserError, nearest
from accelsim.progress import Observer

LOG = Annotated[
    str | None,
    typer.Option(
        help="Progress on stderr: bars, lines (one every 30 s), json (an object a line), or quiet. Default: bars on a "
        "terminal and lines elsewhere; quiet with --json.",
        show_default=False,
    ),
]


def listener(log: str | None, *, as_json: bool = False) -> Observer:
    """Who hears of progress.

    Raises:
        UserError: ``log`` names nobody.
    """
    if log is None:
        log = "quiet" if as_json else "bars" if _is_live() else "lines"
    if log not in LOGS:
        raise UserError(f"--log {log}: no such log{nearest(log, LOGS)}; allowed: {', '.join(LOGS)}")
    return LOGS[log]()


def _is_live() -> bool:
    """Whether lines on stderr can be drawn over; FORCE_COLOR wishes for colours, and makes no terminal of a file."""
    return sys.stderr.isatty() and plain_console(stderr=True).is_interactive


LOGS: dict[str, Callable[[], Observer]] = {
    "bars": lambda: Bars(plain_console(stderr=True)),
    "lines": lambda: Lines(sys.stderr),
    "json": lambda: JsonLog(sys.stderr),
    "quiet": Observer,
}
