"""The page of one run: key figures with their assumptions, figures, dtype table, versions."""

from __future__ import annotations

from typing import Any

from accelsim.reports.dtype_rows import DTYPE_HEADER, DTYPE_NUMERIC, DTYPE_WORDS, dtype_rows
from accelsim.reports.figure_spec import panels
from accelsim.reports.figures import draw_all
from accelsim.reports.machines import ONE_MACHINE, is_cluster
from accelsim.reports.mapping import MAPPING_HEADER, MAPPING_NOTE, MAPPING_NUMERIC, mapping_rows
from accelsim.reports.plain import to_yaml
from accelsim.reports.result import Result
from accelsim.reports.step_table import StepTable
from accelsim.reports.step_tables import STEP_TABLES
from accelsim.reports.summary_figures import KEY_FIGURES, assumptions_of, is_complete, shown_figures, warnings_of
from accelsim.reports.units import human_rate
from accelsim.reports.web import (
    WORDS,
    Card,
    Cell,
    assumptions,
    cards,
    chips,
    document,
    escape,
    filterable,
    folded,
    table,
    warning,
)
from accelsim.reports.wording import worded

TERMS = "What the words mean, and in which unit: docs/glossary.md of accelsim."
"""Ends a page, which has no links: it is read where no network is."""
_ONE_MACHINE = f"{ONE_MACHINE} Energy above is of all machines, and that many times what figures and tables show."
_DTYPES_NOTE = "All tensors of one training step: format, scale, rounding, memory that holds them."


def run_page(result: Result) -> str:
    """One HTML file that needs nothing else and no network."""
    drawn = draw_all(result)
    shown = panels(drawn, lambda text: worded(text, result))
    whole = f'<p class="soft">{_ONE_MACHINE}</p>' if is_cluster(result) else ""
    body = (
        f"{_header(result)}<main>{_key_figures(result)}"
        f'<h2 id="charts">Where cycles, energy and bytes go</h2>{whole}<div class="figures">{shown}</div>'
        f"{_tables(result)}{_mapping(result)}{_dtypes(result)}{_resolved(result)}</main>"
        f"<footer>{footer_line(result.versions, result.summary.get('seed'))}<br>{TERMS}</footer>"
    )
    return document(result.name, body, {spec.name: figure for spec, figure in drawn})


def footer_line(versions: dict[str, str], seed: object = None) -> str:
    """Versions and seed: what it takes to get the same figures again."""
    facts = [f"seed {seed}"] if seed is not None else []
    facts += [f"{name} {version}" for name, version in versions.items()]
    return escape(" · ".join(facts))


def _resolved(result: Result) -> str:
    return resolved_files(result.hwconfig, result.workload, result.runs_as)


def resolved_files(hwconfig: dict[str, Any], workload: dict[str, Any], runs_as: dict[str, Any] | None = None) -> str:
    """The files with every field, folded away; ``runs_as`` is the machine with less that the step ran as."""
    parts = [("hwconfig, resolved", hwconfig), ("Workload, resolved", workload)]
    parts += [] if runs_as is None else [("hwconfig that the step runs as, resolved", runs_as)]
    return "".join(folded(title, f"<pre>{escape(to_yaml(content))}</pre>") for title, content in parts)


def hardware_facts(hwconfig: dict[str, Any]) -> list[str]:
    """The accelerator in a few words; what a hwconfig lacks is left out."""
    array, dram = hwconfig.get("mac_array", {}), hwconfig.get("dram", {})
    size = f"{array.get('count', 1)} × {array['rows']} × {array['columns']}" if "rows" in array else ""
    facts = [
        " ".join(str(part) for part in (size, array.get("operand", ""), "MAC array") if part) if array else "",
        f"{hwconfig['clock_mhz']:g} MHz" if "clock_mhz" in hwconfig else "",
        str(hwconfig.get("technology", "")),
        _dram_fact(dram),
        _cluster_fact(hwconfig.get("cluster") or {}),
    ]
    return [fact for fact in facts if fact]


def _dram_fact(dram: dict[str, Any]) -> str:
    """``HBM2-2000, 8 channels``, or a plain bandwidth: ``DRAM of 34.0 GB/s``."""
    bandwidth, channels = dram.get("bandwidth_bytes_per_s"), dram.get("channels")
    if bandwidth:
        return f"{dram.get('standard') or 'DRAM'} of {human_rate(bandwidth)}"
    name = str(dram.get("standard", ""))
    return f"{name}, {channels} channel{'s' * (channels > 1)}" if name and channels else name


def _cluster_fact(cluster: dict[str, Any]) -> str:
    """``4 machines, ring``; empty where there is one."""
    machines = cluster.get("machines", 1)
    return f"{machines} machines, {str(cluster.get('topology', '')).replace('_', ' ')}" if machines > 1 else ""


def _header(result: Result) -> str:
    hardware, workload = result.hwconfig, result.workload
    described = " ".join(str(part.get("description", "")).strip() for part in (hardware, workload))
    batch = result.summary.get("images_per_step")
    facts = hardware_facts(hardware) + ([f"batch of {batch}"] if batch else [])
    unfinished = "" if is_complete(result) else warning("This run was cut short: its accuracy and loss are not final.")
    unfinished += "".join(warning(f"Warning: {text}.") for text in warnings_of(result))
    return (
        f"<header><h1>{escape(hardware['name'])} <span>on</span> {escape(workload['name'])}</h1>"
        f'<p class="soft">{escape(described.strip())}</p>{chips(facts)}{unfinished}</header>'
    )


def _key_figures(result: Result) -> str:
    shown = [Card(*figure) for figure in shown_figures(result, KEY_FIGURES)]
    rows = [[Cell(f.title), Cell(f.value), Cell(f.meaning, "soft")] for f in shown_figures(result)]
    everything = folded("All figures", table(["Figure", "Value", "Definition"], rows, numeric=[1]))
    return cards(shown) + assumptions(assumptions_of(result)) + everything


def _tables(result: Result) -> str:
    """What a step did, as far as it is known."""
    return "".join(_section(shown, result) for shown in STEP_TABLES)


def _section(shown: StepTable, result: Result) -> str:
    header, rows, numeric = shown.on_page(result)
    if not rows:
        return ""
    cells = [[Cell(text) for text in row] for row in rows]
    content = table(header, cells, numeric=numeric, last_is_total=shown.total)
    return f'<h2>{escape(shown.heading(result))}</h2><p class="soft">{escape(shown.note(result))}</p>{content}'


def _mapping(result: Result) -> str:
    rows = [[Cell(text) for text in row] for row in mapping_rows(result)]
    if not rows:
        return ""
    content = filterable(table(MAPPING_HEADER, rows, numeric=MAPPING_NUMERIC), MAPPING_HEADER, ["Layer", "Phase"])
    return (
        '<h2>How products are cut into tiles</h2><section class="panel">'
        f'<p class="meaning">{escape(MAPPING_NOTE)}</p>{content}</section>'
    )


def _dtypes(result: Result) -> str:
    if result.dtypes.empty:
        return ""
    header = list(DTYPE_HEADER.values())
    numeric = [list(DTYPE_HEADER).index(name) for name in DTYPE_NUMERIC]
    kinds = [WORDS if name in DTYPE_WORDS else "" for name in DTYPE_HEADER]
    rows = [[Cell(text, kind) for text, kind in zip(row, kinds, strict=True)] for row in dtype_rows(result.dtypes)]
    content = filterable(table(header, rows, numeric=numeric), header, ["Role", "Layer", "Phase", "Format"])
    return (
        '<h2>Number formats of every tensor</h2><section class="panel">'
        f'<p class="meaning">{escape(worded(_DTYPES_NOTE, result))}</p>'
        f"{content}</section>"
    )
