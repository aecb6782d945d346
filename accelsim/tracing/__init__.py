"""Interpreter 2: shapes in, Program out."""

from accelsim.tracing.tracer import Tracer

__all__ = ["Tracer"]
