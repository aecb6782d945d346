"""Ctrl-C inside a command: typer would end the program without a word."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Interrupted(BaseException):
    """The user pressed Ctrl-C; no handler of ordinary exceptions may swallow it."""


def interruptible(command: Callable[P, T]) -> Callable[P, T]:
    """``command`` with KeyboardInterrupt turned into ``Interrupted``, which typer lets through."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except KeyboardInterrupt as error:
            raise Interrupted from error

    return run
