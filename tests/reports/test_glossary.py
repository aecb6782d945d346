"""docs/glossary.md: it has every cause, phase and class that reports show, and names nothing that isn't there."""

from __future__ import annotations

import re

import pytest

from accelsim.hardware.memory import Memory
from accelsim.reports.palette import PHASES, TENSOR_CLASSES, UNITS
from accelsim.reports.schema import LOSS_SCALE_METRICS, TABLES, TRAINING_METRICS
from accelsim.reports.summary_figures import SUMMARY_FIGURES
from accelsim.reports.waits import BEFORE, HELD

CODE = re.compile(r"`([^`]+)`")
OTHER_COLUMNS = {
    *("weight_product_alone_cycles", "weight_product_extension_cycles", "prefetch_cycles"),
    *("lead_in_cycles", "lead_out_cycles", "stall_level_NAME_cycles", "saturated_share", "effective_bits"),
    *("energy_link_pj", "energy_random_pj"),
}
"""Of the summary, layers.csv, operations.csv and quantisers.csv, which have more columns than are required."""


@pytest.fixture(scope="module")
def docs(root):
    return root / "docs"


@pytest.fixture(scope="module")
def glossary(docs):
    return (docs / "glossary.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def rows(glossary):
    """Cells of every row, the first one being the word."""
    lines = [line.strip("|").split("|") for line in glossary.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in cells] for cells in lines]


def test_every_cause_of_a_stall_has_its_title_and_column(rows):
    found = {cells[0]: cells[-1] for cells in rows}
    assert {title: found.get(title) for title in HELD.values()} == {
        title: f"`stall_{cause}_cycles`" for cause, title in HELD.items()
    }
    assert "Level NAME" in found


def test_every_wait_phase_unit_and_class_is_there(glossary):
    for name in (*BEFORE, *PHASES, *UNITS):
        assert f"`{name}`" in glossary
    assert all(name.replace("_", " ") in glossary for name in TENSOR_CLASSES)


def test_every_name_is_one_of_a_table_of_the_summary_or_of_a_field(docs, rows):
    pages = "".join((docs / name).read_text("utf-8") for name in ("hwconfig.md", "workload_fields.md"))
    fields = set(re.findall(r"^\| `(\w+)` \|", pages, re.MULTILINE))
    columns = {*(column for table in TABLES.values() for column in table), *TRAINING_METRICS, *LOSS_SCALE_METRICS}
    stalls = {f"stall_{cause}_cycles" for cause in HELD}
    known = {*fields, *columns, *stalls, *BEFORE, *(figure.key for figure in SUMMARY_FIGURES)} | OTHER_COLUMNS
    for cells in rows:
        for name in CODE.findall(cells[-1]):
            if not name.endswith((".csv", ".safetensors")):
                assert set(re.split(r"[.]|: ", name)) <= known | {"range"}, name
    assert set(Memory.model_fields) - {"capacity_bytes"} <= {name for row in rows for name in CODE.findall(row[-1])}


def test_links_lead_somewhere(docs, glossary):
    anchors = {heading.lower().replace(" ", "-") for heading in re.findall(r"^## (.+)$", glossary, re.MULTILINE)}
    for link in re.findall(r"\]\(([^)]+)\)", glossary):
        assert link.removeprefix("#") in anchors or (docs / link).is_file(), link


def test_words_are_said_in_a_sentence_or_two(rows):
    assert len(rows) > 90
    for cells in rows:
        text = cells[1]
        assert len(text) < 330, cells[0]
        assert text.count(". ") <= 3, cells[0]
