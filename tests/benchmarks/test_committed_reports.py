"""Reports can be written from committed data alone: every training that they show has its row."""

from argparse import Namespace
from pathlib import Path

import banner
import numerics_table
import pytest
from banner_parts.loss_curves import LOSSES, kept_curves, key
from kept_trainings import RECORDS, ROOT, Store
from random_bits_parts.training import TASKS, kept_training
from training_records import Records

REPORTS = ROOT / "reports"
NOWHERE = Path("nowhere")


def store(report):
    return Store(NOWHERE, Records(REPORTS / report / RECORDS))


def plan():
    options = Namespace(kept=REPORTS / "banner", runs=NOWHERE, seeds=3, epochs=1, long_epochs=8, cifar10=None)
    found = banner.Plan.of(options)
    return [*found.short, *found.long, *found.deep]


def of_banner():
    return [training.kept for training in plan()]


def of_numerics():
    kept, seeds = store("numerics"), (1, 2, 3)
    return [numerics_table.training(row, seed, kept) for row in range(len(numerics_table.SETTINGS)) for seed in seeds]


def of_random_bits():
    kept = store("random_bits")
    return [kept_training(kept, task, choice, seed) for task in TASKS for choice in task.choices for seed in task.seeds]


@pytest.mark.parametrize("trainings", [of_banner, of_numerics, of_random_bits])
def test_every_training_has_its_row(trainings):
    missing = [training.command for training in trainings() if training.facts() is None]
    assert missing == []


@pytest.mark.parametrize("trainings", [of_banner, of_numerics, of_random_bits])
def test_every_row_is_of_the_report(trainings):
    found = trainings()
    wanted = {training.command for training in found}
    assert [row["command"] for row in found[0].store.records.rows if row["command"] not in wanted] == []


def test_figures_of_losses_have_their_curves():
    curves = kept_curves(REPORTS / "banner" / LOSSES, [])
    shown = {training.setting.key for training in plan() if key(training) in curves}
    assert {"fp32", "int8", "flexpoint", "ternary", "binary"} <= shown
    assert all(curve == sorted(curve) for curve in curves.values())
