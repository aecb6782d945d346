"""Layers that a hwconfig names, where it meets a workload: found, or one line that names the nearest."""

from __future__ import annotations

import pytest

NAMED = (
    "and no layer is called so (did you mean 'conv2d2'?); layers of the workload: conv2d1, batch_norm1, relu1, conv2d2"
)


@pytest.fixture
def own(hwconfig, tmp_path):
    """A hwconfig with an entry for ``match``, and the number of its line."""

    def made(match):
        text = hwconfig.read_text(encoding="utf-8").rstrip() + "\n  layers:\n"
        path = tmp_path / "own.yaml"
        path.write_text(f"{text}    - match: {match}\n      weight: int4\n", encoding="utf-8")
        return path, len(text.splitlines()) + 1

    return made


@pytest.mark.parametrize(
    ("match", "place"), [("conv_2", "7: numerics.layers.0.match"), ("[first, conv_2]", "22: numerics.layers.0.match.1")]
)
def test_every_command_that_has_both_names_the_line(accelsim, own, workload, tmp_path, match, place):
    path, line = own(match)
    said = f"error: {path}:{line}:{place}: found 'conv_2', {NAMED}"
    for command in (
        ["simulate", path, workload, "--timing-only"],
        ["simulate", path, workload, "--out", tmp_path / "run"],
        ["explain", path, workload],
        ["compare", path, path, "--workload", workload],
        ["sweep", path, workload, "--vary", "clock_mhz=100,200", "--timing-only"],
        ["precision", path, workload],
        ["evaluate", path, workload, "--weights", tmp_path / "none.safetensors"],
    ):
        ran = accelsim(*command)
        assert ran.code == 2, command
        assert ran.err.startswith(said), command
    assert not (tmp_path / "run").exists()


def test_a_setting_is_named_in_place_of_a_line(accelsim, hwconfig, workload):
    setting = "numerics.layers=[{match: conv_2, weight: int4}]"
    ran = accelsim("explain", hwconfig, workload, "--set", setting)
    assert ran.code == 2
    assert ran.err.startswith(f"error: --set {setting}: 0.match: found 'conv_2', {NAMED}")


def test_check_holds_files_against_each_other(accelsim, own, root, workload):
    path, line = own("batch_norm2")
    assert accelsim("check", path).code == accelsim("check", path, workload).code == 0
    other = root / "workloads" / "digits_vit.yaml"
    ran = accelsim("check", workload, other, path)
    assert ran.code == 2
    assert ran.out.count("valid") == 3
    assert ran.err.startswith(f"error: {path}:{line}:7: numerics.layers.0.match: found 'batch_norm2', and no layer")
    assert ran.err.rstrip().endswith(", digits_vit)")
    assert len(ran.err.splitlines()) == 1


def test_ends_are_among_the_nearest(accelsim, own, workload):
    assert "no layer is called so (did you mean 'first'?); layers" in accelsim("check", own("frist")[0], workload).err


def test_explain_shows_what_a_layer_reads(accelsim, own, workload):
    path, _ = own("first")
    shown = accelsim("explain", path, workload, "--layer", "conv2d1", "--json")
    assert shown.code == 0
    assert '"format":"int4"' in shown.out.replace(" ", "")
