"""The page that sets runs side by side."""

from __future__ import annotations

from collections.abc import Sequence

from accelsim.reports.compare.cells import compare_cells
from accelsim.reports.compare.figures import draw_comparison
from accelsim.reports.compare.labels import unique_labels
from accelsim.reports.compare.notes import seed_notes
from accelsim.reports.compare.warnings import comparison_warnings
from accelsim.reports.compare.workloads import workload_names
from accelsim.reports.figure_spec import panels
from accelsim.reports.machines import comparison_notes
from accelsim.reports.page import TERMS, footer_line, hardware_facts
from accelsim.reports.recomputed import recompute_notes
from accelsim.reports.result import Result
from accelsim.reports.summary_figures import assumptions_of
from accelsim.reports.web import Cell, assumptions, chips, document, escape, table, warning


def compare_page(results: Sequence[Result], settings: Sequence[str] = ()) -> str:
    """One HTML file that needs nothing else and no network; ratios are to the first result.

    ``settings`` are those that were laid over all that was timed.

    Raises:
        UserError: there is nothing to compare.
    """
    labels = unique_labels(results)
    drawn = draw_comparison(results)
    body = (
        f"{_header(results, labels, settings)}<main>{_table(results)}{_assumptions(results, labels)}"
        f'<h2>Side by side</h2><div class="figures">{panels(drawn)}</div></main>{_footer(results, labels)}'
    )
    return document(" against ".join(labels), body, {spec.name: figure for spec, figure in drawn})


def _header(results: Sequence[Result], labels: Sequence[str], settings: Sequence[str]) -> str:
    machines = "".join(
        f"<div><strong>{escape(label)}</strong>{chips(hardware_facts(result.hwconfig))}</div>"
        for label, result in zip(labels, results, strict=True)
    )
    said = "".join(map(warning, comparison_warnings(results)))
    given = f'<p class="soft">Set: {escape(", ".join(settings))}</p>' if settings else ""
    title = " <span>against</span> ".join(escape(label) for label in labels)
    ratios = f" Differences and ratios are to {escape(labels[0])}." if len(labels) > 1 else ""
    return (
        f'<header><h1>{title}</h1><p class="soft">Workload: {escape(workload_names(results))}.{ratios}</p>{given}{said}'
        f'<div class="machines">{machines}</div></header>'
    )


def _table(results: Sequence[Result]) -> str:
    header, rows = compare_cells(results)
    cells = [[Cell(cell.text, cell.verdict) for cell in row] for row in rows]
    said = [*comparison_notes(results), *recompute_notes(results), *seed_notes(results)]
    notes = "".join(f'<p class="meaning">{escape(note)}</p>' for note in said)
    return f"<h2>Figures</h2>{notes}{table(header, cells, numeric=range(1, len(header)))}"


def _assumptions(results: Sequence[Result], labels: Sequence[str]) -> str:
    """Assumptions shared by all runs once, then those of each run alone."""
    listed = [assumptions_of(result) for result in results]
    shared = [item for item in listed[0] if all(item in other for other in listed)]
    parts = [assumptions(shared, "What these figures assume")]
    for label, items in zip(labels, listed, strict=True):
        parts.append(assumptions([item for item in items if item not in shared], f"Assumed for {label} only"))
    return "".join(parts)


def _footer(results: Sequence[Result], labels: Sequence[str]) -> str:
    lines = [
        footer_line({"run": label, **result.versions}, result.summary.get("seed"))
        for label, result in zip(labels, results, strict=True)
    ]
    return f"<footer>{'<br>'.join([*lines, TERMS])}</footer>"
