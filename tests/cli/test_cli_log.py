"""``--log``: what reaches stderr while a command works, for people and for programs."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pytest

from accelsim.cli import json_log, lines
from accelsim.cli.json_log import JsonLog
from accelsim.cli.lines import Lines


@pytest.fixture
def at_once(monkeypatch):
    """Every step is told of."""
    monkeypatch.setattr(json_log, "EVERY_S", 0.0)
    monkeypatch.setattr(lines, "EVERY_S", 0.0)


def _objects(text):
    return [json.loads(line) for line in text.splitlines()]


def test_json_has_every_piece_of_work(accelsim, hwconfig, workload, tmp_path, at_once):
    ran = accelsim("simulate", hwconfig, workload, "--steps", 3, "--out", "run", "--log", "json")
    assert ran.code == 0
    found = _objects(ran.err)
    assert all(one["time"].endswith("+00:00") for one in found)
    cycles = json.loads((tmp_path / "run" / "summary.json").read_text())["total_cycles"]
    train = [one for one in found if one.get("task") == "train"]
    assert [one["event"] for one in train] == ["start", *["progress"] * 3, "finish"]
    assert [one["done"] for one in train] == [0, 1, 2, 3, 3]
    assert [one.get("cycles") for one in train] == [None, cycles, 2 * cycles, 3 * cycles, 3 * cycles]
    assert train[2]["eta_s"] == pytest.approx(train[2]["elapsed_s"] / 2, rel=0.2)
    assert train[2]["steps_per_s"] == pytest.approx(2 / train[2]["elapsed_s"], rel=0.2)
    assert train[-1]["eta_s"] == 0
    timed = [one for one in found if one.get("task") == "time"]
    assert timed[-1]["done"] == timed[-1]["total"] == timed[0]["total"]
    assert timed[-1]["cycles"] == cycles
    (epoch,) = [one for one in found if one["event"] == "epoch"]
    assert epoch["step"] == 3
    assert 0 <= epoch["test_accuracy"] <= 1
    assert [one["text"].split(":")[0] for one in found if one["event"] == "message"] == ["epoch 0.0681818"]


def test_json_has_no_number_that_is_none():
    stream = io.StringIO()
    log = JsonLog(stream)
    log.measured("epoch", {"test_loss": float("inf"), "train_loss": float("nan"), "step": 2, "rate": None})
    (found,) = _objects(stream.getvalue())
    assert {**found, "time": ""} == {
        **{"time": "", "event": "epoch", "step": 2},
        **dict.fromkeys(["test_loss", "train_loss", "rate"]),
    }


def test_lines_say_how_far_and_how_long(at_once):
    stream = io.StringIO()
    log = Lines(stream)
    log.start("train", 2000, "step", 1000)
    log.tasks["train"]._began -= 10
    log.simulated("train", 5_000_000)
    log.advance("train", 200, "loss 1.5")
    log.finish("train")
    log.advance("train")
    log.say("done")
    assert stream.getvalue() == (
        "Training: 1,200 of 2,000 steps, 20 steps/s, 500 k cycles/s, 0:00:40 left; loss 1.5\ndone\n"
    )


def test_lines_are_rare(accelsim, hwconfig, workload):
    ran = accelsim("simulate", hwconfig, workload, "--steps", 2)
    assert ran.err.startswith("epoch ")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("options", [["--log", "quiet"], ["--json"]])
def test_quiet_says_nothing_beside_the_figures(accelsim, hwconfig, workload, options):
    ran = accelsim("simulate", hwconfig, workload, "--steps", 2, *options)
    assert (ran.code, ran.err) == (0, "")
    assert "Test accuracy" in ran.out or json.loads(ran.out)["test_accuracy"] >= 0


def test_figures_and_progress_both_as_json(accelsim, hwconfig, workload):
    ran = accelsim("simulate", hwconfig, workload, "--timing-only", "--json", "--log", "json")
    assert json.loads(ran.out)["total_cycles"] == _objects(ran.err)[-1]["cycles"]


def test_an_unknown_log(accelsim, hwconfig, workload, tmp_path):
    ran = accelsim("simulate", hwconfig, workload, "--log", "jsn")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "error: --log jsn: no such log (did you mean 'json'?); allowed: bars, lines, json, quiet\n"
    assert not list(tmp_path.iterdir())


def test_no_control_character_reaches_a_file(hwconfig, workload, tmp_path):
    """Servers that run tests often wish for colours; a bar in their log would be drawn again and again."""
    command = [sys.executable, "-m", "accelsim", "simulate", str(hwconfig), str(workload), "--steps", "2"]
    environment = {**os.environ, "FORCE_COLOR": "1"}
    ran = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0
    assert ran.stderr.count("\n") == 1
    assert ran.stderr.replace("\n", "").isprintable()
