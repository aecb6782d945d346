"""The page of a precision study: what each class needs, figures, tables, and what the figures mean."""

from __future__ import annotations

from collections.abc import Sequence

from accelsim.reports.figure_spec import panels
from accelsim.reports.page import footer_line, hardware_facts, resolved_files
from accelsim.reports.precision.classes import class_title
from accelsim.reports.precision.figures import draw_precision
from accelsim.reports.precision.result import PrecisionResult
from accelsim.reports.precision.tables import (
    NEEDED_HEADER,
    SHAPE_HEADER,
    class_needs,
    cosine_grid,
    most_bits,
    needed_rows,
    needed_text,
    rule_note,
    shape_note,
    shape_rows,
    steps_text,
    worst_text,
)
from accelsim.reports.units import human_accuracy
from accelsim.reports.web import (
    Card,
    Cell,
    assumptions,
    cards,
    chips,
    document,
    escape,
    filterable,
    table,
    warning,
)

MEANING = (
    "Every value that a product or a norm reads is quantised once more on the side, by the machine's own quantise unit "
    "with another number of bits: same scale rule, same rounding, same random bits. The training knows nothing of it.",
    "Cosines are those of one tensor in one step; means, deviations and least values are over tensors and steps alike, "
    "each tensor counted once, whatever its size.",
    "The weight gradient is the product of the layer's input, as the machine has it, with the unquantised gradient, "
    "against the same product with an M-bit copy; both in fp32. Products with weights are not compared.",
    "Bounds and Gaussian expectation take elements for independent and of one deviation; a scale rounded up to a power "
    "of two, or one from earlier steps, is not in them.",
    "A tensor alone is looked at: what rounding many of them at once does to training is another question, which a "
    "training with such formats answers.",
)


def precision_page(result: PrecisionResult) -> str:
    """One HTML file that needs nothing else and no network."""
    drawn = draw_precision(result)
    body = (
        f"{_header(result)}<main>{_cards(result)}{assumptions([rule_note(result), *MEANING], 'What is compared')}"
        f'<h2>Angles</h2><div class="figures">{panels(drawn)}</div>{_tables(result)}'
        f"{resolved_files(result.hwconfig, result.workload)}</main>"
        f"<footer>{footer_line(result.versions, result.summary.get('seed'))}</footer>"
    )
    return document(f"Precision of {result.name}", body, {spec.name: figure for spec, figure in drawn})


def _header(result: PrecisionResult) -> str:
    summary = result.summary
    facts = [*hardware_facts(result.hwconfig), f"{summary['steps']:,} training steps"]
    facts += [f"looked at {steps_text(summary['steps_looked_at'])}"]
    if summary.get("test_accuracy") is not None:
        facts.append(f"test accuracy {human_accuracy(summary['test_accuracy'])}")
    if summary["quantisers"] != summary["hwconfig"]:
        facts.append(f"quantisers of {summary['quantisers']}")
    title = f"{escape(result.hwconfig['name'])} <span>on</span> {escape(result.workload['name'])}"
    return (
        f'<header><h1>{title}</h1><p class="soft">How many bits each tensor needs: the angle that quantisation '
        f"turns it by, while the network trains.</p>{chips(facts)}{_unfinished(result)}</header>"
    )


def _unfinished(result: PrecisionResult) -> str:
    if result.summary.get("complete", True):
        return ""
    return warning("The training was cut short: later steps that were to be looked at are missing.")


def _cards(result: PrecisionResult) -> str:
    most = most_bits(result)
    return cards(
        Card(
            class_title(row["class"]),
            f"{needed_text(row['bits_needed'], most)} bits",
            f"needed{worst_text(result, row)}; the machine has {row['machine_format']}. "
            f"Cosine {row['cosine_mean']:.4f} ± {row['cosine_sd']:.4f}, least {row['cosine_least']:.4f}.",
        )
        for _, row in class_needs(result).iterrows()
    )


def _tables(result: PrecisionResult) -> str:
    classes, rows = cosine_grid(result)
    header = ["Bits", *map(class_title, classes)]
    needed = needed_rows(result, result.bits_needed)
    return (
        '<h2>Cosine by bits</h2><p class="soft">Mean ± standard deviation over tensors and steps.</p>'
        f"{_plain(header, rows)}"
        f'<h2>Shapes</h2><p class="soft">{escape(shape_note())}</p>{_plain(SHAPE_HEADER, shape_rows(result))}'
        f'<h2>Bits needed</h2><section class="panel"><p class="meaning">{escape(rule_note(result))}</p>'
        f"{filterable(_plain(NEEDED_HEADER, needed, left=(0, 1, 3)), NEEDED_HEADER, ['Class', 'Layer'])}</section>"
    )


def _plain(header: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> str:
    numeric = [place for place in range(len(header)) if place not in left]
    return table(header, [[Cell(cell) for cell in row] for row in rows], numeric=numeric)
