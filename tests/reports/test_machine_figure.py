"""The drawing of a machine: every block has what the tables have, and stands beside the others."""

import itertools

import pytest

import accelsim
from accelsim.reports.figures.machine import machine, place
from accelsim.reports.figures.machine_blocks import columns
from accelsim.reports.units import human_bytes

LEVELS = (
    "buffers.levels=[{name: l3, capacity_bytes: 8MiB, bytes_per_cycle: 64},"
    " {name: l2, capacity_bytes: 1MiB, bytes_per_cycle: 128, ports: shared}]"
)
MACHINES = {
    "int8_range_bn": (),
    "tpu_v4i": (),
    "fp32": ("buffers.input.ports=shared",),
    "eyeriss": (),
    "gemmini": (),
    "mxfp8": (LEVELS, "cluster={machines: 4, link_bytes_per_s: 25e9}"),
}


@pytest.fixture(scope="module", params=MACHINES)
def run(request, root):
    files = root / "hwconfigs" / f"{request.param}.yaml", root / "workloads" / "digits_cnn.yaml"
    return accelsim.simulate(*files, settings=MACHINES[request.param], timing_only=True)


def test_memories_have_their_bytes_and_shares(run):
    blocks = {block.title: block for column in columns(run) for block in column}
    assert blocks["DRAM"].share == run.summary["dram_bandwidth_bytes_per_s"] / run.summary["dram_peak_bytes_per_s"]
    assert f"{human_bytes(run.layers['dram_read_bytes'].sum())} read" in blocks["DRAM"].lines
    for _, row in run.memories.iterrows():
        found = next(block for title, block in blocks.items() if row["memory"] in title.lower())
        assert f"{human_bytes(row['read_bytes'])} read" in found.lines
        assert f"{human_bytes(row['write_bytes'])} written" in found.lines
        both = row["read_bytes"] + row["write_bytes"]
        in_turns = found.fields["ports"] == "shared" and row["banks"] == 1
        passed = both if in_turns else max(row["read_bytes"], row["write_bytes"])
        assert found.share == passed / run.summary["total_cycles"] / found.fields["bytes_per_cycle"]
    assert all(0 <= block.share <= 1 for block in blocks.values())


def test_units_are_those_of_the_hwconfig_and_as_busy_as_its_operations(run):
    *_, units = columns(run)
    names = {"mac_array", "vector_unit", "norm_unit", "update_unit"}
    names |= {name for name in ("quantise_unit", "cluster") if run.hwconfig.get(name)}
    assert {block.path for block in units} == names
    for block in units:
        kind = "link" if block.path == "cluster" else block.path.removesuffix("_unit")
        array = run.hwconfig["mac_array"]
        servers = array["count"] if kind == "mac_array" and not array["split_products"] else 1
        held = run.layers.loc[run.layers["unit"] == kind, "compute_cycles"].sum()
        assert block.share == pytest.approx(held / servers / run.summary["total_cycles"])


def test_both_formats_of_the_gradient_are_there(root):
    files = root / "hwconfigs" / "int8_range_bn.yaml", root / "workloads" / "digits_cnn.yaml"
    *_, (array, *_) = columns(accelsim.simulate(*files, timing_only=True))
    assert array.lines[1:4] == (
        "forward int8×int8 → int32",
        "data gradient int8×int8 → int32",
        "weight gradient int16×int8 → int48",
    )


def test_blocks_fill_the_width_and_overlap_nowhere(run):
    placed = [each for column in place(columns(run)) for each in column]
    assert min(each.left for each in placed) == 0
    assert max(each.right for each in placed) == pytest.approx(100)
    assert all(each.foot >= -1e-9 and each.head > each.foot for each in placed)
    for one, other in itertools.combinations(placed, 2):
        apart = one.right < other.left or other.right < one.left
        assert apart or one.foot > other.head or other.foot > one.head


def test_what_is_drawn_is_what_is_placed(run):
    figure, blocks = machine(run), [block for column in columns(run) for block in column]
    words = [each.text for each in figure.layout.annotations if not each.showarrow]
    assert [each.split("</b>")[0] for each in words] == [f"<b>{block.title}" for block in blocks]
    assert len(figure.layout.shapes) == 3 * len(blocks)
    assert [text.split("<br>")[0] for text in figure.data[0].hovertext] == [f"<b>{block.path}</b>" for block in blocks]
