"""Energy of all results by component."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from accelsim.reports.compare.figures.ticks import name_bars
from accelsim.reports.compare.labels import unique_labels
from accelsim.reports.figures.aggregate import numbers, text
from accelsim.reports.figures.style import styled
from accelsim.reports.palette import COMPONENTS, component_colour
from accelsim.reports.result import Result
from accelsim.reports.units import ENERGY_PJ, human_energy, scale_for


def energy(results: Sequence[Result]) -> go.Figure | None:
    """One stacked bar a result; None when no energy is known."""
    labels = unique_labels(results)
    names = [text(name) for name in labels]
    values = {part: [_energy_pj(result, part) for result in results] for part in COMPONENTS}
    tallest = max(sum(column) for column in zip(*values.values(), strict=True))
    if not tallest:
        return None
    divisor, unit = scale_for(tallest, ENERGY_PJ)
    figure = go.Figure()
    for part, energies in values.items():
        if any(energies):
            title = COMPONENTS[part]
            figure.add_bar(
                x=names,
                y=[value / divisor for value in energies],
                name=title,
                marker={"color": component_colour(part), "line": {"width": 0}},
                hovertext=[f"<b>{n}</b><br>{title}: {human_energy(v)}" for n, v in zip(names, energies, strict=True)],
                hoverinfo="text",
            )
    name_bars(figure, labels)
    figure.update_yaxes(title_text=f"Energy per step ({unit})")
    return styled(figure, height=420, barmode="stack")


def _energy_pj(result: Result, part: str) -> float:
    """Of a step, on all machines of a cluster; tables are of one."""
    machines = int(result.summary.get("machines", 1))
    return machines * float(numbers(result.layers, f"energy_{part}_pj").sum())
