"""The other commands, and the program as a whole."""

from __future__ import annotations

import inspect
import io
import json
import re
import shutil
import subprocess
import sys

import pytest
from rich.console import Console

from accelsim import __version__
from accelsim.cli.app import app
from accelsim.cli.bars import Bars
from accelsim.cli.simulate import simulate

SPELLED = {"as_json": "json", "settings": "set"}
"""Options whose parameter has another name."""


def test_check_tells_files_apart_and_all_faults(accelsim, hwconfig, workload, tmp_path):
    ran = accelsim("check", hwconfig, workload)
    assert ran == (0, f"{hwconfig}: a valid hwconfig\n{workload}: a valid workload\n", "")
    (tmp_path / "x.yaml").write_text("x: 1")
    ran = accelsim("check", "x.yaml", hwconfig, "y.yaml")
    assert (ran.code, ran.out) == (2, f"{hwconfig}: a valid hwconfig\n")
    assert ran.err.splitlines() == [
        "error: x.yaml:1:1: neither a hwconfig (fields mac_array, buffers, dram, numerics, ...) "
        "nor a workload (fields dataset, network, optimizer, ...) nor a topology (field layers)",
        "error: y.yaml: cannot be read: No such file or directory",
    ]


def test_explain_names_the_nearest_layer(accelsim, hwconfig, workload):
    ran = accelsim("explain", hwconfig, workload, "--layer", "conv2d11")
    assert (ran.code, ran.out) == (2, "")
    assert "no layer 'conv2d11' (did you mean 'conv2d1'?); layers: batch_norm1" in ran.err
    rows = json.loads(accelsim("explain", hwconfig, workload, "--layer", "linear1", "--json").out)
    assert {row["layer"] for row in rows} == {"linear1", "max_pool2d1", "loss"}
    assert {"max_pool2d1.output", "linear1.weight", "loss.gradient"} < {row["tensor"] for row in rows}
    assert accelsim("explain", workload, hwconfig).code == 2


def test_explain_of_a_layer_has_its_operands(accelsim, hwconfig, workload):
    shown = accelsim("explain", hwconfig, workload, "--layer", "conv2d2").out
    assert "relu1." in shown
    assert "batch_norm2." in shown
    assert "Tensors with another layer's name" in shown
    assert "Tensors with another layer's name" not in accelsim("explain", hwconfig, workload).out


def test_explain_of_attention_has_its_projections(accelsim, hwconfig, root):
    name, workload = "multi_head_attention1", root / "workloads" / "digits_vit.yaml"
    rows = json.loads(accelsim("explain", hwconfig, workload, "--layer", name, "--json").out)
    parts = ("query", "key", "value", "output")
    read = {"layer_norm1", "residual2"}
    assert {row["layer"] for row in rows} == {name, *(f"{name}.{part}" for part in parts), *read}
    assert {f"{name}.{part}.weight_codes" for part in parts} < {row["tensor"] for row in rows}


def test_compare(accelsim, run_folder, hwconfig, workload, tmp_path):
    ran = accelsim("compare", run_folder, hwconfig, "--workload", workload, "--json")
    assert (ran.code, ran.err) == (0, "")
    assert {"metric", "int8_range_bn", "int8_range_bn #2"} <= json.loads(ran.out)[0].keys()
    page = (tmp_path / "comparison.html").read_bytes()
    assert accelsim("compare", run_folder, run_folder).err == (
        "error: comparison.html: exists already; --force overwrites it\n"
    )
    assert (tmp_path / "comparison.html").read_bytes() == page
    assert accelsim("compare", run_folder, run_folder, "--force").code == 0
    assert (tmp_path / "comparison.html").read_bytes() != page


def test_json_has_every_digit(accelsim, run_folder, hwconfig, workload):
    """A product of energy and delay is far below the ten decimals that a table's own JSON keeps."""
    figure = json.loads((run_folder / "summary.json").read_text())["energy_delay_product_j_s"]
    compared = json.loads(accelsim("compare", run_folder, run_folder, "--json").out)
    assert {"Energy-delay product": figure}.items() < {row["metric"]: row["int8_range_bn"] for row in compared}.items()
    sweep = accelsim("sweep", hwconfig, workload, "--timing-only", "--vary", "dram.channels=1", "--json")
    assert json.loads(sweep.out)["points"][0]["energy_delay_product_j_s"] == figure


def test_compare_sets_fields_of_what_is_timed(accelsim, run_folder, hwconfig, workload):
    arguments = ["compare", run_folder, hwconfig, "--workload", workload, "--set", "mac_array.count=1", "--json"]
    rows = {row["metric"]: row for row in json.loads(accelsim(*arguments).out)}
    first, second = [name for name in rows["Time per step"] if name.startswith("int8_range_bn (")][:2]
    assert rows["Time per step"][second] > rows["Time per step"][first]
    ran = accelsim("compare", run_folder, run_folder, "--set", "mac_array.count=1", "--force")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: --set mac_array.count=1: changes hwconfigs that are timed")


def test_compare_names_the_file_that_a_setting_does_not_fit(accelsim, root, hwconfig, workload):
    other = root / "hwconfigs" / "fp32.yaml"
    arguments = ["compare", hwconfig, other, "--workload", workload, "--set"]
    assert accelsim(*arguments, "mac_array.count=x").err.startswith(f"error: {hwconfig}: --set mac_array.count=x: ")
    assert accelsim(*arguments, "batch_size=x").err.startswith("error: --set batch_size=x: ")
    assert accelsim(*arguments, "bogus=1").err.startswith("error: --set bogus=1: ")
    shown = accelsim(*arguments, "mac_array.count=4")
    assert "Set: mac_array.count=4\n" in shown.out


def test_compare_of_different_work_warns(accelsim, run_folder, hwconfig, root):
    other = root / "workloads" / "digits_vit.yaml"
    ran = accelsim("compare", run_folder, hwconfig, "--workload", other)
    assert ran.out.startswith("Warning: The runs did different work (digits_cnn, digits_vit;")
    assert "2  int8_range_bn / digits_vit" in ran.out
    ran = accelsim("compare", run_folder, hwconfig, "--workload", other, "--json", "--force")
    assert (ran.code, ran.err.split("(")[0]) == (0, "warning: The runs did different work ")
    assert {"int8_range_bn / digits_cnn", "int8_range_bn / digits_vit"} <= json.loads(ran.out)[0].keys()


def test_compare_without_enough(accelsim, run_folder, hwconfig, workload, tmp_path):
    (tmp_path / "empty").mkdir()
    for arguments, expected in [
        ([run_folder], "compare needs at least two runs or hwconfigs, and got 1"),
        ([run_folder, hwconfig], "to compare hwconfigs give a workload with --workload"),
        ([run_folder, "nope"], "nope: there is no such run folder or hwconfig file"),
        ([run_folder, "x" * 300], "there is no such run folder or hwconfig file"),
        ([run_folder, "empty"], "empty: not a finished run"),
        ([run_folder, run_folder, "--out", "empty"], "empty: --out names a folder"),
        ([run_folder, run_folder, "--out", "no/c.html"], "there is no such folder"),
        ([run_folder, run_folder, "--out", run_folder / "summary.json"], "exists already; --force overwrites it"),
        ([run_folder, workload, "--workload", workload], "this looks like a workload file"),
        ([hwconfig, hwconfig, "--workload", hwconfig], "this looks like a hwconfig file"),
    ]:
        ran = accelsim("compare", *arguments)
        assert (ran.code, ran.out) == (2, "")
        assert expected in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


@pytest.mark.parametrize("name", ["summary.json", "hwconfig.yaml", "workload.yaml", "metrics.csv", "layers.parquet"])
@pytest.mark.parametrize("content", [None, b"", b"[1]", b"\xff\x00"])
def test_compare_with_a_broken_run(accelsim, run_folder, tmp_path, name, content):
    shutil.copytree(run_folder, tmp_path / "broken")
    (tmp_path / "broken" / name).unlink()
    if content is not None:
        (tmp_path / "broken" / name).write_bytes(content)
    ran = accelsim("compare", run_folder, "broken")
    assert (ran.code, ran.out) == (2, "")
    assert "broken" in ran.err
    assert "Traceback" not in ran.err
    assert not (tmp_path / "comparison.html").exists()


def test_a_folder_is_named_as_it_stands(accelsim, hwconfig, workload):
    folder = "[red]a[/b]:100:"  # rich would take these for markup, and an emoji
    ran = accelsim("simulate", hwconfig, workload, "--timing-only", "--out", folder)
    assert ran.code == 0
    assert f"run folder: {folder}\nreport:     {folder}/report.html\n" in ran.out
    ran = accelsim("compare", folder, folder, "--out", "[red].html")
    assert ran.code == 0
    assert ran.out.endswith("page: [red].html\n")


@pytest.mark.parametrize("option", [["--out", ""], ["--out="]])
def test_an_empty_folder_is_not_the_current_one(accelsim, hwconfig, workload, tmp_path, option):
    ran = accelsim("simulate", hwconfig, workload, "--timing-only", *option)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: --out: found nothing; give a value")
    assert not list(tmp_path.iterdir())


def test_version_and_help(accelsim):
    assert accelsim("--version") == (0, f"accelsim {__version__}\n", "")
    whole = accelsim("--help").out
    assert "Simulate low-precision training accelerators" in whole
    for command in app.registered_commands:
        assert command.callback is not None
        assert command.callback.__name__ in whole
        shown = accelsim(command.callback.__name__, "--help")
        assert shown.code == 0
        assert str(command.callback.__doc__).split()[0] in shown.out
    text = " ".join(accelsim("simulate", "--help").out.split())
    options = [option.name for option in inspect.signature(simulate).parameters.values()][2:]
    for option in options:
        assert f"--{SPELLED.get(option, option).replace('_', '-')}" in text
    assert accelsim().code == 2
    assert "No such command" in accelsim("simulat").err


def test_an_error_of_the_system_is_one_line(accelsim, hwconfig, monkeypatch):
    def fail(path):
        raise OSError(5, "Input/output error", "disk")

    monkeypatch.setattr("accelsim.yamlfile.read_marked", fail)
    assert accelsim("check", hwconfig) == (2, "", "error: disk: Input/output error\n")


def test_an_interrupted_check(accelsim, hwconfig, monkeypatch):
    def interrupt(path):
        raise KeyboardInterrupt

    monkeypatch.setattr("accelsim.yamlfile.read_marked", interrupt)
    ran = accelsim("check", hwconfig)
    assert (ran.code, ran.out) == (130, "")
    assert ran.err.startswith("interrupted")


def test_bars_show_rate_and_time_left_on_a_terminal():
    stream = io.StringIO()
    bars = Bars(Console(file=stream, force_terminal=True, width=140, color_system=None))
    bars.start("train", 100, "step")
    for _ in range(3):
        bars.simulated("train", 1000)
        bars.advance("train", 20, "loss 1.0")
        bars.progress.refresh()
    bars.finish("train")
    text = stream.getvalue()
    assert re.search(r"Training .* 60/100 .*steps/s .*cycles/s .*loss 1\.0", text)
    assert re.search(r"\d:\d\d:\d\d", text)


def test_bars_are_silent_elsewhere():
    stream = io.StringIO()
    bars = Bars(Console(file=stream, width=100))
    bars.start("train", 2, "step")
    bars.advance("train")
    bars.finish("train")
    bars.say("resumes")
    assert stream.getvalue() == "resumes\n"


def _python(*arguments, cwd):
    command = [sys.executable, "-W", "error", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


def test_as_a_module(tmp_path, workload):
    assert _python("-m", "accelsim", "--version", cwd=tmp_path).stdout == f"accelsim {__version__}\n"
    ran = _python("-m", "accelsim", "simulate", "nope.yaml", workload, cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "error: nope.yaml: cannot be read: No such file or directory\n"


HEAVY = ("numpy", "pandas", "plotly", "pint", "sklearn", "simpy", "pyarrow", "safetensors")


@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [
        (["--help"], HEAVY),
        (["check"], ("pandas", "plotly", "pint", "sklearn", "pyarrow")),
        (["simulate", "--timing-only", "--out", "run"], ("sklearn", "pint")),
    ],
    ids=["help", "check", "timing"],
)
def test_a_command_imports_what_it_needs_alone(tmp_path, hwconfig, workload, arguments, heavy):
    files = [] if arguments == ["--help"] else [str(hwconfig), str(workload)]
    code = (
        "import sys\nfrom accelsim.cli import main\n"
        f"sys.argv = ['accelsim', *{arguments!r}, *{files!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        f"print('loaded:', [name for name in {heavy!r} if name in sys.modules])"
    )
    ran = _python("-c", code, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-1] == "loaded: []"
    assert ran.stderr == "", "no bar and no warning where stderr is no terminal"
