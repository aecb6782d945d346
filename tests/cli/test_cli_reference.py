"""``accelsim schema --format markdown``: the committed pages are what the models say now, and hold together."""

from __future__ import annotations

import re

import pytest

from accelsim.cli.field_page import anchor
from accelsim.cli.field_sections import sections_of
from accelsim.cli.schema import File, file_schema
from accelsim.hardware import HardwareConfig
from accelsim.layers import LAYERS
from accelsim.networks import Workload

PAGES = {"hwconfig": "hwconfig.md", "workload": "workload_fields.md"}


@pytest.fixture(params=PAGES)
def kind(request):
    return request.param


@pytest.fixture
def page(root, kind):
    return (root / "docs" / PAGES[kind]).read_text(encoding="utf-8")


def sections(page):
    """Text under each heading."""
    parts = re.split(r"^#+ (.+)$", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_committed_page_is_what_is_written(accelsim, kind, page):
    ran = accelsim("schema", kind, "--format", "markdown")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == page, "write it anew: make reference"


def test_every_link_leads_to_a_heading_or_a_page(root, page):
    anchors = [anchor(heading) for heading in sections(page)]
    assert len(set(anchors)) == len(anchors)
    links = re.findall(r"\]\(([^)]+)\)", page)
    assert len(links) > len(anchors)
    for link in links:
        file, _, place = link.partition("#")
        there = (
            [anchor(heading) for heading in sections((root / "docs" / file).read_text("utf-8"))] if file else anchors
        )
        assert not place or place in there, link


def test_every_field_of_the_schema_has_a_row(page, kind):
    """With its description, and its bounds where it has some."""
    schema = file_schema(File(kind))
    cells = [row.split(" | ") for row in page.splitlines() if row.startswith("| `")]
    known = {(row[0].strip("| `"), row[-1].strip(" |")) for row in cells}
    for name, part in {"": schema, **schema["$defs"]}.items():
        for field, described in part.get("properties", {}).items():
            text = " ".join(described.get("description", "").split()).replace("``", "`").replace("<", "&lt;")
            assert field == "blocks" or (field, text) in known, f"{name}.{field}"


@pytest.mark.parametrize(
    ("heading", "row"),
    [
        (
            "Top level",
            "| `clock_mhz` | a number of MHz from 0.001 to 1000000, or a quantity such as '500 MHz' | MHz | requ",
        ),
        ("mac_array", "| `count` | a whole number from 1 to 1024 |  | `1` | Number of arrays;"),
        (
            "numerics",
            "| `bias` | int2 to int32, fp32; or the fields of [an entry of numerics](#an-entry-of-numerics) |",
        ),
        ("numerics", "| `master_weight` | int8 to int32, fp32, bf16, fp16; or"),
        (
            "dram.timing",
            "| `tREFI_ns` | a number of ns from 0 to 1000000000, or a quantity such as '30 ns' | ns |  | Refr",
        ),
        ("energy", "| `add_pj` | a number from 0 to 1000000000, by [number format](numerics.md#formats) | pJ | `{}` |"),
    ],
)
def test_rows_of_a_hwconfig(root, heading, row):
    assert f"\n{row}" in sections((root / "docs" / "hwconfig.md").read_text("utf-8"))[heading]


def test_kinds_have_their_own_fields_alone(root):
    found = sections((root / "docs" / "workload_fields.md").read_text("utf-8"))
    assert set(LAYERS) <= found.keys()
    assert "| `name` |" in found["network.layers"]
    assert "| `name` |" not in found["conv2d"]
    assert "| `filters` | a whole number from 1 to 65536 |  | required | Output channels. |" in found["conv2d"]
    assert "No fields of its own." in found["flatten"]


@pytest.mark.parametrize("root_model", [HardwareConfig, Workload])
def test_a_model_stands_once_and_before_what_it_holds(root_model):
    found = [section.model for section in sections_of(root_model)]
    assert found[0] is root_model
    assert len(set(found)) == len(found)
    for section in sections_of(root_model):
        for row in section.rows:
            holds_itself = row.inner is not None and section.kind
            assert row.inner is None or holds_itself or found.index(section.model) < found.index(row.inner)
