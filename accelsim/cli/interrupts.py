"""Ctrl-C, or a request to end, inside a command: typer would end the program without a word."""

from __future__ import annotations

import signal
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Interrupted(BaseException):
    """The user pressed Ctrl-C; no handler of ordinary exceptions may swallow it. Its text says how to go on."""


def interruptible(command: Callable[P, T]) -> Callable[P, T]:
    """``command`` with KeyboardInterrupt, and SIGTERM, turned into ``Interrupted``, which typer lets through."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            return command(*args, **kwargs)
        except KeyboardInterrupt as error:
            raise Interrupted(*error.args) from error
        finally:
            signal.signal(signal.SIGTERM, before)

    return run
