"""A training step as a trace that Perfetto and Chrome's tracing page open."""

from accelsim.reports.trace.chrome import chrome_trace, trace_events

__all__ = ["chrome_trace", "trace_events"]
