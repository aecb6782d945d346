"""The console that commands print on."""

from __future__ import annotations

from rich.console import Console


def plain_console(*, stderr: bool = False) -> Console:
    """A console on which text stands as it is: brackets and colons in the name of a folder are no markup."""
    return Console(stderr=stderr, markup=False, emoji=False)
