"""SCALE-Sim's cfg files as hwconfigs."""

from __future__ import annotations

import pytest

from accelsim.errors import UserError
from accelsim.hardware import load_hwconfig
from accelsim.networks.importers.scalesim_config import import_scalesim_config


@pytest.fixture
def shipped(golden):
    return golden / "scalesim" / "shipped"


@pytest.fixture
def imported(tmp_path):
    def imported(path):
        out = tmp_path / "hw.yaml"
        out.write_text(import_scalesim_config(path))
        return load_hwconfig(out)

    return imported


@pytest.fixture
def changed(shipped, tmp_path):
    """scale.cfg with one text in place of another."""

    def changed(before, after):
        text = (shipped / "scale.cfg").read_text()
        assert before in text
        path = tmp_path / "my cfg: 1.cfg"
        path.write_text(text.replace(before, after))
        return path

    return changed


@pytest.mark.parametrize(
    ("name", "rows", "columns", "dataflow", "kib", "bytes_per_s"),
    [
        ("scale", 32, 32, "ws", (64, 64, 64), 1e16),
        ("google", 256, 256, "os", (6144, 6144, 2048), (10 + 10 + 4 * 10) * 1e9),
        ("eyeriss", 12, 14, "ws", (36, 36, 36), 1e16),
    ],
)
def test_what_has_a_counterpart(imported, shipped, name, rows, columns, dataflow, kib, bytes_per_s):
    hw = imported(shipped / f"{name}.cfg")
    array, buffers = hw.mac_array, hw.buffers
    assert (array.rows, array.columns, array.dataflow, array.count) == (rows, columns, dataflow, 1)
    words = [buffers.input.capacity_bytes, buffers.weight.capacity_bytes, buffers.output.capacity_bytes // 4]
    assert words == [1024 * size for size in kib]
    assert hw.dram.bandwidth_bytes_per_s == bytes_per_s


def test_what_has_none_stands_in_a_comment(shipped):
    text = import_scalesim_config(shipped / "google.cfg")
    for leftover in ("[architecture_presets] filteroffset: 10000000", "[sparsity] sparsitysupport: false"):
        assert f"#   {leftover}\n" in text
    assert "#   [general]" not in text
    assert "#   [architecture_presets] bandwidth" not in text
    assert "#   [architecture_presets] bandwidth: 10\n" in import_scalesim_config(shipped / "scale.cfg")


def test_user_bandwidth_without_banks_holds_for_all_three(imported, changed):
    path = changed("InterfaceBandwidth: CALC", "InterfaceBandwidth: USER")
    text = path.read_text()
    path.write_text(text[: text.index("[layout]")] + text[text.index("[sparsity]") :].replace("10", "7, 8"))
    assert imported(path).dram.bandwidth_bytes_per_s == (10 + 10 + 4 * 10) * 1e9


def test_spelling_does_not_matter(imported, changed):
    path = changed("ArrayHeight:    32", "  arrayheight =  16")
    assert imported(path).mac_array.rows == 16
    assert imported(changed("Dataflow : ws", "Dataflow : WS")).mac_array.dataflow == "ws"


@pytest.mark.parametrize("name", ["true", "a: b # c", '"', "", "7"])
def test_any_run_name_makes_a_name(imported, changed, name):
    assert imported(changed("scale_example_run_32x32_ws", name)).name


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("ArrayHeight:    32", "ArrayHeight: many", r"cfg:5:1: \[architecture_presets\] ArrayHeight: found 'many'"),
        ("ArrayHeight:    32", "", r"cfg:4:1: \[architecture_presets\] ArrayHeight: missing; allowed: .* 65536"),
        ("OfmapSramSzkB:   64", "OfmapSramSzkB: 0", r"cfg:9:1: .*OfmapSramSzkB: found '0'"),
        ("Dataflow : ws", "Dataflow : rs", r"cfg:14:1: .*Dataflow: found 'rs'; allowed: os, ws, is"),
        ("Bandwidth: CALC", "Bandwidth: CLAC", r"InterfaceBandwidth: found 'CLAC'; .*did you mean 'CALC'\?"),
        ("[general]", "general", r"cfg:1:1: not a SCALE-Sim cfg"),
        ("[layout]", "no option here", r"cfg:19:1: not a SCALE-Sim cfg"),
    ],
)
def test_a_fault_is_named_by_line_and_field(changed, before, after, fault):
    with pytest.raises(UserError, match=fault):
        import_scalesim_config(changed(before, after))
