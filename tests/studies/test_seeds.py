"""Training the same pair with several seeds: each is the run that it would be alone, and none is lost."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest

import accelsim
from accelsim import UserError
from accelsim.progress import Observer
from accelsim.simulation import stages

STEPS = 2


@pytest.fixture(scope="module")
def files(root):
    return root / "hwconfigs" / "int8_range_bn.yaml", root / "workloads" / "digits_cnn.yaml"


@pytest.fixture(scope="module")
def trained(files, tmp_path_factory):
    """Seeds 1 and 2, the first of which is the workload's own."""
    folder = tmp_path_factory.mktemp("seeds") / "out"
    return folder, accelsim.train_seeds(*files, 2, out=folder, steps=STEPS)


@pytest.fixture
def copy(trained, tmp_path):
    return shutil.copytree(trained[0], tmp_path / "out")


def test_each_seed_is_the_run_that_it_is_alone(files, trained, tmp_path):
    folder, found = trained
    assert found.seeds.numbers == (1, 2)
    alone = accelsim.simulate(*files, seed=2, steps=STEPS, out=tmp_path / "alone")
    for name in ("checkpoint.safetensors", "metrics.csv"):
        assert (folder / "seed_2" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()
    table = pd.read_csv(folder / "seeds.csv")
    assert table["seed"].tolist() == [1, 2]
    assert table["test_accuracy"][1] == pytest.approx(alone.summary["test_accuracy"])
    assert found.summary["test_loss"] == pytest.approx(table["test_loss"].mean())
    assert found.seeds.spread["test_loss"] == pytest.approx(table["test_loss"].std())
    assert "mean of 2 seeds (1, 2)" in (folder / "report.html").read_text()


def test_a_folder_of_seeds_is_compared(files, trained):
    folder, found = trained
    again = accelsim.compare(folder, accelsim.load_run(folder / "seed_2")).set_index("metric")
    assert again.loc["Test loss", "int8_range_bn"] == pytest.approx(found.summary["test_loss"])
    assert again.loc["Test loss", "int8_range_bn spread"] == pytest.approx(found.seeds.spread["test_loss"])
    assert again.loc[
        "Test loss", "int8_range_bn (seed=2) within spread"
    ]  # half a difference is less than the deviation


def test_what_stands_is_kept_and_seeds_are_added(files, copy, monkeypatch):
    said = []
    observer = Observer()
    observer.say = said.append
    before = {seed: (copy / f"seed_{seed}" / "summary.json").stat().st_mtime_ns for seed in (1, 2)}
    found = accelsim.train_seeds(*files, [1, 2, 5], out=copy, steps=STEPS, resume=True, observer=observer)
    assert found.seeds.numbers == (1, 2, 5)
    assert sum("finished already" in text for text in said) == 2
    assert before == {seed: (copy / f"seed_{seed}" / "summary.json").stat().st_mtime_ns for seed in (1, 2)}


def test_finished_seeds_get_the_figures_of_another_machine_when_asked_to(files, copy, load):
    hw = load("int8_range_bn")
    lesser = hw.model_copy(update={"name": "lesser", "update_unit": hw.update_unit.model_copy(update={"lanes": 2})})
    given = {"out": copy, "steps": STEPS, "resume": True, "runs_as": lesser}
    with pytest.raises(UserError, match=r"runs_as .*--resume --force keeps the training"):
        accelsim.train_seeds(*files, 2, **given)
    before = [(copy / f"seed_{seed}" / "metrics.csv").read_bytes() for seed in (1, 2)]
    assert accelsim.train_seeds(*files, 2, **given, force=True).summary["runs_as"] == "lesser"
    assert before == [(copy / f"seed_{seed}" / "metrics.csv").read_bytes() for seed in (1, 2)]


def test_an_interruption_before_the_first_checkpoint_promises_nothing(files, tmp_path, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(stages, "trace", interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        accelsim.train_seeds(*files, [1, 2], out=tmp_path / "out", steps=1)
    assert str(caught.value) == ""
    with pytest.raises(UserError, match="no run of these seeds to resume"):
        accelsim.train_seeds(*files, [1, 2], out=tmp_path / "out", steps=1, resume=True)


def test_an_interruption_keeps_what_is_there(files, tmp_path, monkeypatch):
    out = tmp_path / "out"
    run = stages.Trainer.run

    def interrupted(trainer):
        if trainer.workload.seed == 2:
            raise KeyboardInterrupt
        return run(trainer)

    monkeypatch.setattr(stages.Trainer, "run", interrupted)
    with pytest.raises(KeyboardInterrupt, match="out goes on with --resume"):
        accelsim.train_seeds(*files, [1, 2], out=out, steps=STEPS)
    assert (out / "seed_1" / "summary.json").exists()
    monkeypatch.undo()
    found = accelsim.train_seeds(*files, [1, 2], out=out, steps=STEPS, resume=True)
    assert found.seeds.numbers == (1, 2)


def test_nothing_is_overwritten_unasked(files, copy, tmp_path):
    with pytest.raises(UserError, match="seed_1: holds a run already; --resume goes on with it"):
        accelsim.train_seeds(*files, 2, out=copy)
    with pytest.raises(UserError, match=r"holds summary\.json, and runs of several seeds want a folder of their own"):
        accelsim.train_seeds(*files, 2, out=copy / "seed_1", force=True)
    with pytest.raises(UserError, match="no run of these seeds to resume"):
        accelsim.train_seeds(*files, 2, out=tmp_path / "none", resume=True)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("seeds", "expected"), [(1, "two or more"), ([3], "two or more"), ([1, 1], "twice"), ([1, 2**32], "whole numbers")]
)
def test_seeds_that_are_none(files, tmp_path, seeds, expected):
    with pytest.raises(UserError, match=expected):
        accelsim.train_seeds(*files, seeds, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
