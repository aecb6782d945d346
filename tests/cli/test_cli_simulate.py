"""``accelsim simulate``: what it writes, and that a mistake leaves nothing behind."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal

import pytest

from accelsim import simulate
from accelsim.cli.folders import default_folder
from accelsim.hardware import load_hwconfig
from accelsim.simulation import stages
from accelsim.simulation.held_folder import held_folder
from accelsim.training import Trainer
from accelsim.training.interrupts import after_the_step


@pytest.fixture
def small(accelsim, run_folder, tmp_path):
    """The command line beside a finished run of two steps in ``run``."""
    shutil.copytree(run_folder, tmp_path / "run")
    return accelsim


@pytest.fixture(scope="module")
def whole(hwconfig, workload, tmp_path_factory):
    """A run of four steps that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    simulate(hwconfig, workload, out=folder, steps=4)
    return folder


def _text(path, before, after, tmp_path):
    text = path.read_text(encoding="utf-8")
    assert before in text
    changed = tmp_path / f"changed-{path.name}"
    changed.write_text(text.replace(before, after, 1), encoding="utf-8")
    return changed


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--steps", 0], "steps must be at least 1, not 0"),
        (["--epochs", 0], "epochs must be from 1 to 1000000, not 0"),
        (["--epochs", 10**20], "epochs must be from 1 to 1000000"),
        (["--seed", -1], "seed must be from 0 to 4294967295, not -1"),
        (["--seed", 2**32], "seed must be from 0 to 4294967295"),
        (["--seed", "x"], "--seed"),
        (["--quantisers-every", 0], "quantisers_every must be at least 1, not 0"),
        (["--quantisers-every", 5, "--timing-only"], "nothing to record"),
        (["--resume"], "there is no run to resume"),
        (["--resume", "--force"], "there is no run to resume"),
        (["--resume", "--timing-only"], "nothing to --resume"),
        (["--data", "nowhere"], "nowhere: there is no such folder"),
        (["--data", "."], "takes no folder"),
        (["--timing-only", "--data", "nowhere"], "nowhere: there is no such folder"),
        (["--timing-only", "--device", "tpu"], "no device is called 'tpu'"),
        (["--timing-only", "--backend", "nunpy"], "no backend is called 'nunpy'; allowed: "),
        (["--stps", 3], "No such option"),
    ],
)
def test_a_wrong_option_leaves_nothing_behind(accelsim, hwconfig, workload, tmp_path, options, expected):
    ran = accelsim("simulate", hwconfig, workload, "--out", "run", *options)
    assert (ran.code, ran.out) == (2, "")
    assert expected in ran.err
    assert "Traceback" not in ran.err
    assert not (tmp_path / "run").exists()


def test_swapped_and_mistaken_files(accelsim, hwconfig, workload, tmp_path):
    swapped = accelsim("simulate", workload, hwconfig, "--out", "run")
    assert swapped.err == f"error: {workload}:2:1: this looks like a workload file, and a hwconfig is expected here\n"
    twice = accelsim("simulate", hwconfig, hwconfig, "--out", "run")
    assert twice.err == f"error: {hwconfig}:5:1: this looks like a hwconfig file, and a workload is expected here\n"
    missing = accelsim("simulate", "nope.yaml", workload)
    assert missing.err == "error: nope.yaml: cannot be read: No such file or directory\n"
    assert accelsim("simulate", tmp_path, workload).err.endswith("cannot be read: this is a folder, not a file\n")
    assert not list(tmp_path.iterdir())


def test_a_buffer_too_small_is_blamed_at_its_line(accelsim, hwconfig, workload, tmp_path):
    hw = _text(hwconfig, "weight: {capacity_bytes: 128 KiB", "weight: {capacity_bytes: 16", tmp_path)
    for options in ([], ["--timing-only"]):
        ran = accelsim("simulate", hw, workload, "--out", "run", *options)
        assert ran.code == 2
        fault = "buffers.weight.capacity_bytes: conv2d2/forward/conv2d does not fit"
        assert f"error: {hw}:26:12: {fault}" in ran.err
    assert not (tmp_path / "run").exists()
    checked = accelsim("check", hw, workload)
    assert checked.code == 2
    assert checked.err == ran.err.replace("\n", " (int8_range_bn, digits_cnn)\n")
    hw.write_text(
        hw.read_text(encoding="utf-8").replace("input: {capacity_bytes: 256 KiB", "input: {capacity_bytes: 16")
    )
    ran = accelsim("simulate", hw, workload, "--timing-only")
    first, second = sorted(ran.err.splitlines())
    assert first.startswith(f"error: {hw}:25:11: buffers.input.capacity_bytes: ")
    assert second.startswith(f"error: {hw}:26:12: buffers.weight.capacity_bytes: ")


def test_data_that_cannot_serve(accelsim, hwconfig, workload, root, tmp_path):
    large = _text(workload, "batch_size: 32", "batch_size: 2000", tmp_path)
    ran = accelsim("simulate", hwconfig, large, "--out", "run")
    fault = "digits has 1437 training images, fewer than a batch_size of 2000"
    assert re.fullmatch(rf"error: {re.escape(str(large))}:\d+:1: batch_size: {fault}\n", ran.err)
    ran = accelsim("simulate", hwconfig, workload, "--set", "batch=2000", "--out", "run")
    assert ran.err == f"error: --set batch_size=2000: {fault}\n"
    cifar = root / "workloads" / "cifar10_resnet20.yaml"
    assert "no folder given" in accelsim("simulate", hwconfig, cifar, "--out", "run").err
    broken = tmp_path / "fashion"
    broken.mkdir()
    fashion = root / "workloads" / "fashion_mnist_cnn.yaml"
    assert "found 0 of the 4 files" in accelsim("simulate", hwconfig, fashion, "--data", broken, "--out", "run").err
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (broken / f"{name}-ubyte").write_bytes(b"\x00\x00\x08")
    assert "truncated" in accelsim("simulate", hwconfig, fashion, "--data", broken, "--out", "run").err
    assert not (tmp_path / "run").exists()


def test_a_network_too_large_for_this_computer(accelsim, hwconfig, workload, tmp_path):
    huge = _text(workload, "filters: 16, kernel: 3", "filters: 65536, kernel: 3", tmp_path)
    huge = _text(huge, "filters: 32, kernel: 3", "filters: 65536, kernel: 3", tmp_path)
    ran = accelsim("simulate", hwconfig, huge, "--out", "run")
    assert ran.code == 2
    assert "GiB of this computer's memory" in ran.err
    assert not (tmp_path / "run").exists()


def test_places_where_no_run_can_go(accelsim, hwconfig, workload, tmp_path):
    (tmp_path / "file").touch()
    run = ("simulate", hwconfig, workload, "--timing-only", "--out")
    assert accelsim(*run, "file").err == "error: file: is a file, not a folder\n"
    assert "file/run: cannot be made" in accelsim(*run, "file/run").err
    assert "File name too long" in accelsim(*run, "x" * 300).err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    (tmp_path / "link").symlink_to("nowhere")
    assert accelsim(*run, "link").err == "error: link: is a link to nowhere, and there is no such folder\n"


def test_a_finished_run_is_neither_lost_nor_mixed(small, hwconfig, workload, tmp_path):
    run = ("simulate", hwconfig, workload, "--out", "run")
    again = small(*run, "--steps", 2)
    assert (again.code, again.err) == (
        2,
        "error: run: holds a run already; --resume goes on with it, --force overwrites it\n",
    )
    assert "run was finished already" in small(*run, "--steps", 2, "--resume").err
    assert "belongs to another run: seed (1 there, 9 here);" in small(*run, "--resume", "--seed", 9).err
    assert "belongs to another run: epochs (12 there, 2 here);" in small(*run, "--resume", "--epochs", 2).err
    other = _text(hwconfig, "rows: 32", "rows: 16", tmp_path)
    ran = small("simulate", other, workload, "--out", "run", "--resume")
    assert "a finished run of another hwconfig: mac_array.rows (32 there, 16 here);" in ran.err
    other = _text(hwconfig, "rows: 32", "rows: 32\n  overflow: saturate", tmp_path)
    ran = small("simulate", other, workload, "--out", "run", "--resume")
    assert "belongs to another run: mac_array.overflow (wrap there, saturate here)" in ran.err
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["steps"] == 2
    assert small(*run, "--timing-only", "--force").code == 0
    assert not (tmp_path / "run" / "checkpoint.safetensors").exists()
    timed = small(*run, "--resume")
    assert timed.err == (
        "error: run: holds a run that was only timed (no checkpoint.safetensors); leave --resume out\n"
    )


def test_a_resume_with_other_memory_is_timed_anew(small, hwconfig, workload, tmp_path):
    before = json.loads((tmp_path / "run" / "summary.json").read_text())
    slower = _text(hwconfig, "pattern: streaming", "pattern: random", tmp_path)
    run = ("simulate", slower, workload, "--steps", 2, "--out", "run", "--resume", "--json")
    for steps in (2, 3):
        refused = small(*run, "--steps", steps)
        assert refused.code == 2
        assert "a finished run of another hwconfig: dram.pattern (streaming there, random here);" in refused.err
    assert json.loads((tmp_path / "run" / "summary.json").read_text()) == before
    ran = small(*run, "--force")
    assert json.loads(ran.out)["total_cycles"] > before["total_cycles"]
    assert json.loads(ran.out)["train_loss"] == before["train_loss"]


@pytest.mark.parametrize("kept", [0, 60, 4000])
def test_a_broken_checkpoint(small, hwconfig, workload, tmp_path, kept):
    path = tmp_path / "run" / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    ran = small("simulate", hwconfig, workload, "--steps", 3, "--out", "run", "--resume")
    assert ran.code == 2
    assert "run/checkpoint.safetensors: not a checkpoint that can be read" in ran.err
    assert path.stat().st_size == kept


@pytest.mark.parametrize("name", ["hwconfig.yaml", "layers.csv", "metrics.csv", "COMPUTE_REPORT.csv"])
def test_files_of_the_users_are_not_overwritten(accelsim, hwconfig, workload, tmp_path, name):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / name).write_text("mine")
    option = "--scalesim-reports" if "REPORT" in name else "--out"
    ran = accelsim("simulate", hwconfig, workload, "--timing-only", option, "mine")
    assert ran.err == f"error: mine: holds {name} already; --force overwrites it\n"
    assert (tmp_path / "mine" / name).read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_without_a_folder_runs_are_numbered(accelsim, hwconfig, workload, tmp_path):
    for _ in range(2):
        assert accelsim("simulate", hwconfig, workload, "--timing-only").code == 0
    names = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert names == ["int8_range_bn-digits_cnn", "int8_range_bn-digits_cnn-2"]


def test_a_default_folder_is_taken_before_it_is_written(hwconfig, workload, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with (
        default_folder(hwconfig, workload, resume=False, force=False) as first,
        default_folder(hwconfig, workload, resume=False, force=False) as second,
    ):
        assert [first.name, second.name] == ["int8_range_bn-digits_cnn", "int8_range_bn-digits_cnn-2"]
        assert first.is_dir()
    assert not list(tmp_path.iterdir())


def test_a_machine_runs_as_one_with_less(small, hwconfig, workload, tmp_path):
    lesser = _text(hwconfig, "quantise_unit: {lanes: 64}", "quantise_unit: {lanes: 4}", tmp_path)
    figures = {}
    for name, machine, options in (
        ("alone", hwconfig, ()),
        ("lesser", lesser, ()),
        ("idle", hwconfig, ("--runs-as", lesser)),
    ):
        assert small("simulate", machine, workload, "--steps", 2, "--out", name, *options).code == 0
        figures[name] = json.loads((tmp_path / name / "summary.json").read_text(encoding="utf-8"))
    assert figures["idle"]["total_cycles"] == figures["lesser"]["total_cycles"] > figures["alone"]["total_cycles"]
    assert figures["idle"]["area_um2"] == figures["alone"]["area_um2"]
    assert small("compare", "alone", "idle").code == 0
    compared = small("compare", "alone", "idle", "--json", "--force")
    assert compared.err.startswith("note: int8_range_bn #2 runs as int8_range_bn, and what it has beyond that machine")
    ran = small("simulate", lesser, workload, "--timing-only", "--out", "other", "--runs-as", hwconfig)
    assert (ran.code, "has more of something" in ran.err) == (2, True)
    resumed = small("simulate", hwconfig, workload, "--steps", 2, "--out", "idle", "--resume")
    assert "a finished run of another hwconfig: runs_as (int8_range_bn there, nothing here);" in resumed.err
    resumed = small("simulate", hwconfig, workload, "--steps", 2, "--out", "idle", "--resume", "--runs-as", lesser)
    assert "idle was finished already" in resumed.err


def test_a_finished_run_gets_the_figures_of_the_machine_that_it_now_runs_as(small, hwconfig, workload, tmp_path):
    """Machines to run as may share a name; what they have tells them apart."""
    lesser = []
    for lanes in (4, 2):
        (tmp_path / str(lanes)).mkdir()
        lesser.append(_text(hwconfig, "lanes: 16", f"lanes: {lanes}", tmp_path / str(lanes)))
    found = []
    for options in ((), *(("--runs-as", each) for each in lesser), ()):
        given = ("--steps", 2, "--out", "run", "--resume", "--force", *options)
        assert small("simulate", hwconfig, workload, *given).code == 0
        summary = json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))
        assert ("runs_as" in summary) == bool(options)
        found.append(summary["total_cycles"])
    alone, as_four, as_two, again = found
    assert alone == again
    assert len({alone, as_four, as_two}) == 3


def test_machines_to_run_as_are_told_apart_by_what_they_have(small, hwconfig, workload, tmp_path):
    lesser = []
    for lanes, name in ((4, "int8_range_bn"), (2, "int8_range_bn"), (4, "renamed")):
        (tmp_path / f"{name}{lanes}").mkdir()
        text = hwconfig.read_text(encoding="utf-8").replace("lanes: 16", f"lanes: {lanes}")
        lesser.append(tmp_path / f"{name}{lanes}" / "lesser.yaml")
        lesser[-1].write_text(text.replace("name: int8_range_bn", f"name: {name}"), encoding="utf-8")
    four, two, renamed = lesser
    given = ("simulate", hwconfig, workload, "--steps", 2, "--out", "idle")
    assert small(*given, "--runs-as", four).code == 0
    assert load_hwconfig(tmp_path / "idle" / "runs_as.yaml") == load_hwconfig(four)
    refused = small(*given, "--resume", "--runs-as", two)
    assert (refused.code, "runs_as.update_unit.lanes (4 there, 2 here)" in refused.err) == (2, True)
    assert "idle was finished already" in small(*given, "--resume", "--runs-as", renamed).err
    (tmp_path / "idle" / "runs_as.yaml").unlink()  # as an older version left it
    assert "idle was finished already" in small(*given, "--resume", "--runs-as", two).err
    assert small(*given, "--resume", "--force").code == 0
    assert "runs_as" not in json.loads((tmp_path / "idle" / "summary.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("option", ["--resume", "--force"])
def test_a_run_that_another_one_writes_is_left_alone(small, hwconfig, workload, tmp_path, option):
    with held_folder(tmp_path / "run"):
        ran = small("simulate", hwconfig, workload, "--steps", 2, "--out", "run", option)
    assert (ran.code, ran.out) == (2, "")
    assert "run: another simulation is writing this run; wait for it, or give another --out" in ran.err


def test_json_is_all_that_is_printed(accelsim, hwconfig, workload):
    ran = accelsim("simulate", hwconfig, workload, "--timing-only", "--json", "--out", "run")
    assert (ran.code, ran.err) == (0, "")
    assert json.loads(ran.out)["folder"] == "run"


@pytest.mark.parametrize("name", ["cifar10_resnet20", "imagenet_alexnet"])
def test_timing_needs_no_data(accelsim, hwconfig, root, monkeypatch, name):
    def refuse(*arguments):
        raise AssertionError("the data set was read")

    monkeypatch.setattr(stages, "read_dataset", refuse)
    workload = root / "workloads" / f"{name}.yaml"
    options = ("--timing-only", "--set", "batch_size=64", "--out", "run", "--json")
    assert json.loads(accelsim("simulate", hwconfig, workload, *options).out)["images_per_step"] == 64


def test_what_a_run_folder_holds_can_be_simulated_again(small, tmp_path):
    run = tmp_path / "run"
    assert small("check", run / "hwconfig.yaml", run / "workload.yaml").code == 0
    again = small("simulate", run / "hwconfig.yaml", run / "workload.yaml", "--steps", 2, "--out", "again")
    assert again.code == 0
    first, second = (json.loads((tmp_path / name / "summary.json").read_text()) for name in ("run", "again"))
    for name in ("train_loss", "test_accuracy", "total_cycles", "energy_per_step_pj"):
        assert first[name] == second[name]
    assert "this is a run folder" in small("simulate", "run", run / "workload.yaml").err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_step_is_kept(accelsim, hwconfig, workload, whole, tmp_path, monkeypatch, number):
    step = Trainer._step

    def interrupted(trainer, *arguments):
        if trainer.progress.step == 1:
            os.kill(os.getpid(), number)
        return step(trainer, *arguments)

    run = ("simulate", hwconfig, workload, "--steps", 4, "--out")
    monkeypatch.setattr(Trainer, "_step", interrupted)
    before = signal.getsignal(number)
    ran = accelsim(*run, "cut")
    assert (ran.code, ran.err) == (130, "interrupted; cut goes on with --resume\n")
    assert signal.getsignal(number) is before
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert "resumes after step 2" in accelsim(*run, "cut", "--resume").err
    for name in ("checkpoint.safetensors", "metrics.csv"):
        assert (tmp_path / "cut" / name).read_bytes() == (whole / name).read_bytes()


def test_a_second_interruption_ends_at_once():
    with after_the_step() as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.asked
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_interrupted_before_training_there_is_nothing_to_resume(accelsim, hwconfig, workload, tmp_path, monkeypatch):
    def interrupt(*arguments):
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(stages, "trace", interrupt)
    assert accelsim("simulate", hwconfig, workload) == (130, "", "interrupted\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_a_run_that_is_cut_short(accelsim, hwconfig, workload, whole, tmp_path, monkeypatch, error):
    def cut(*arguments, **named):
        raise error

    monkeypatch.setattr(stages.Trainer, "run", cut)
    ran = accelsim("simulate", hwconfig, workload, "--steps", 4, "--out", "cut")
    assert "Traceback" not in ran.err
    assert (ran.code, ran.err.split()[0]) == ((130, "interrupted;") if error is KeyboardInterrupt else (2, "error:"))
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert accelsim("simulate", hwconfig, workload, "--steps", 4, "--out", "cut", "--resume").code == 0
    assert (tmp_path / "cut" / "metrics.csv").read_bytes() == (whole / "metrics.csv").read_bytes()


def test_several_seeds(accelsim, hwconfig, workload, tmp_path):
    ran = accelsim("simulate", hwconfig, workload, "--steps", 2, "--seeds", "3,5", "--json")
    assert ran.code == 0
    found = json.loads(ran.out)
    assert found["seeds"] == [3, 5]
    assert found["spread"]["test_loss"] > 0
    assert found["folder"] == "runs/int8_range_bn-digits_cnn-seeds"
    shown = accelsim("simulate", hwconfig, workload, "--steps", 2, "--seeds", "3,5", "--resume")
    assert "Means over seeds 3, 5. ±: sample standard deviation over seeds." in shown.out
    assert shown.err.splitlines()[0] == "seed 3, 1 of 2"
    compared = accelsim("compare", found["folder"], f"{found['folder']}/seed_3")
    assert "mean of 2 seeds (3, 5)" in compared.out


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--seeds", "x"], "--seeds: found 'x'"),
        (["--seeds", "1"], "two or more are wanted"),
        (["--seeds", "3", "--seed", "1"], "leave one of them out"),
        (["--seeds", "3", "--timing-only"], "leave one of them out"),
        (["--seeds", "3", "--scalesim-reports", "x"], "leave --seeds out"),
    ],
)
def test_seeds_that_make_no_sense(accelsim, hwconfig, workload, tmp_path, options, expected):
    ran = accelsim("simulate", hwconfig, workload, *options)
    assert (ran.code, ran.out) == (2, "")
    assert expected in ran.err
    assert not list(tmp_path.iterdir())
