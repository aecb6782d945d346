"""The first run on a GPU: a part that fails, hangs or can't start stops no other, and each is written down at once."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location

import pytest


@pytest.fixture
def first_run(root, monkeypatch):
    path = root / "benchmarks" / "gpu" / "first_run.py"
    spec = spec_from_file_location("gpu_first_run", path)
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "gpu_first_run", module)
    spec.loader.exec_module(module)
    return module


def _python(first_run, text, seconds=60, **environment):
    return first_run.Part([sys.executable, "-c", text], seconds, environment)


def test_each_part_stands_alone(first_run, monkeypatch, tmp_path, capsys):
    hang = "import time; print('begun'); time.sleep(60)"
    listed = {
        "breaks": _python(first_run, "raise SystemExit('no such thing')"),
        "hangs": _python(first_run, hang, 1),
        "lacks": first_run.Part(["no-such-program"], 60, {}),
        "works": _python(first_run, "import os; print(os.environ['KERNELS_ON'])", KERNELS_ON="gpu"),
    }
    monkeypatch.setattr(first_run, "parts", lambda folder, data: listed)
    monkeypatch.setattr(sys, "argv", ["first_run.py", str(tmp_path / "out")])
    first_run.main()
    lines = (tmp_path / "out" / "summary.txt").read_text().splitlines()
    assert [line.split(" s  ")[1] for line in lines] == [
        "exit code 1",
        "stopped after 1 s",
        "left out: no-such-program is not on the path",
        "ok",
    ]
    assert (tmp_path / "out" / "breaks.txt").read_text() == "no such thing\n"
    assert (tmp_path / "out" / "hangs.txt").read_text() == "begun\n"
    assert (tmp_path / "out" / "works.txt").read_text() == "gpu\n"
    assert "=== hangs" in capsys.readouterr().out


def test_no_time_left(first_run, monkeypatch, tmp_path):
    monkeypatch.setattr(first_run, "parts", lambda folder, data: {"late": _python(first_run, "pass")})
    monkeypatch.setattr(sys, "argv", ["first_run.py", str(tmp_path), "--seconds", "0"])
    first_run.main()
    assert "left out: no time is left" in (tmp_path / "summary.txt").read_text()


def test_every_script_and_test_is_there(first_run, tmp_path):
    """What is named in a command and lies in this project exists."""
    for part in first_run.parts(tmp_path, tmp_path).values():
        files = [x for x in part.command if x.endswith((".py", ".yaml"))]
        assert all(first_run.Path(x).is_file() for x in files)


@pytest.mark.parametrize("script", ["checks", "kernels"])
def test_scripts_run(first_run, script, tmp_path):
    """On the CPU, to try them."""
    small = ["--rows", "64", "--batch", "1", "--repeats", "1"] if script == "kernels" else []
    part = first_run.Part(first_run.script(script, "--device", "cpu", *small), 120, {})
    assert first_run.run(part, tmp_path / "out.txt", 120) == "ok"
    text = (tmp_path / "out.txt").read_text()
    assert "Traceback" not in text
    assert text.count("same") == 6 if script == "checks" else "TOP/s" in text
