"""Kept trainings: a run folder goes before the data file, a command stands for itself alone, means for their seeds."""

import json

import pytest
from kept_trainings import COMMAND, FAILED, KeptTraining, Store, record_all
from seeds import Seeds
from training_records import Records

FACTS = {"test_accuracy": 0.875, "steps": 10, "images_per_step": 64, "train_images_per_s": 320.0}
MEAN = (
    "workload,epochs,setting,seed,outcome,test_accuracy,spread,lowest,note,command\n"
    "net,1,all,1-3,mean,0.5,0.3,0.4,kept so,accelsim simulate net --seed 1 --set a=2\n"
)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "runs", Records(tmp_path / "trainings.csv"))


def training(store, seed=1, option="a=2", setting="all"):
    labels = {"workload": "net", "epochs": 1, "setting": setting, "seed": seed}
    command = f"accelsim simulate net --seed {seed} --set {option}"
    return KeptTraining(command, f"{setting}-{seed}", labels, store)


def finish(kept, facts=FACTS):
    kept.folder.mkdir(parents=True)
    (kept.folder / COMMAND).write_text(kept.command, encoding="utf-8")
    (kept.folder / "summary.json").write_text(json.dumps({**facts, "complete": True}), encoding="utf-8")


def reread(store):
    return Store(store.runs.with_name("gone"), Records(store.records.path))


def test_what_is_recorded_is_read_without_a_run_folder(store):
    finish(training(store))
    record_all([training(store), training(store, seed=2)])
    again = reread(store)
    assert training(again).facts() == FACTS
    assert training(again, seed=2).facts() is None


def test_another_command_is_another_training(store):
    finish(training(store))
    record_all([training(store)])
    assert training(reread(store), option="a=3").facts() is None


def test_the_run_folder_goes_first_and_takes_its_row(store):
    first = training(store)
    store.records.put(first.labels, first.command, {**FACTS, "test_accuracy": 0.1})
    finish(first)
    assert first.facts() == FACTS
    record_all([first])
    assert training(reread(store)).facts() == FACTS
    assert len(Records(store.records.path).rows) == 1


def test_a_row_of_the_same_name_but_another_command_gives_way(store):
    old, new = training(store), training(store, option="a=3")
    store.records.put(old.labels, old.command, FACTS)
    store.records.put(new.labels, new.command, FACTS)
    assert [row["command"] for row in store.records.rows] == [new.command]


def test_divergence_is_kept(store):
    kept = training(store)
    kept.folder.mkdir(parents=True)
    (kept.folder / COMMAND).write_text(kept.command, encoding="utf-8")
    (kept.folder / FAILED).write_text("diverged", encoding="utf-8")
    record_all([kept])
    again = training(reread(store))
    assert again.facts() == {}
    assert Seeds.of([again]).diverged == 1


def test_a_mean_stands_for_its_seeds_until_all_have_figures(store):
    store.records.path.write_text(MEAN, encoding="utf-8")
    store = Store(store.runs, Records(store.records.path))
    every = [training(store, seed) for seed in (1, 2, 3)]
    assert training(store, 4).facts() is None
    finish(every[1])
    record_all(every)
    mean = Seeds.of(every)
    assert (mean.count, mean.accuracy) == (3, 50)
    assert mean.extremes == pytest.approx((40, 70))
    assert "kept so" in store.records.path.read_text(encoding="utf-8")
    for kept in (every[0], every[2]):
        finish(kept)
    record_all(every)
    own = Seeds.of([training(reread(store), seed) for seed in (1, 2, 3)])
    assert not own.is_mean
    assert own.accuracies == [87.5] * 3
    assert "1-3" not in store.records.path.read_text(encoding="utf-8")
