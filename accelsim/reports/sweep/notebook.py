"""A sweep in a notebook: its frontier, as text."""

from __future__ import annotations

from accelsim.reports.notebook import shown_table
from accelsim.reports.sweep.data import SweepData, value_text
from accelsim.reports.sweep.pareto import frontier
from accelsim.reports.sweep.terminal import metric_text
from accelsim.reports.web.parts import escape


def sweep_view(data: SweepData) -> str:
    """A small HTML fragment that inherits the notebook's style."""
    if data.points.empty:
        return f"<div><strong>Sweep of {escape(data.title)}</strong>: no point has figures</div>"
    metrics = data.pair
    rows = [
        [
            str(row["point"]),
            *(value_text(row[name], name) for name in data.fields),
            *(metric_text(metric, row) for metric in metrics),
        ]
        for _, row in frontier(data.points, *metrics).iterrows()
    ]
    header = ["Point", *data.short.values(), *(metric.title for metric in metrics)]
    what = f"{len(rows)} of {len(data.points)} points are on the frontier"
    return f"<div><strong>Sweep of {escape(data.title)}</strong>: {what}{shown_table(header, rows)}</div>"
