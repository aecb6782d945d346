"""Loss curves: read from a run folder once, then from the data file beside the report."""

import json

import pandas as pd
import pytest
from banner_parts.loss_curves import POINTS, WINDOW_ROWS, kept_curves, key, thin
from banner_parts.settings import Setting
from banner_parts.trainings import Training
from kept_trainings import COMMAND, Store
from training_records import Records


def test_thin_curves_keep_their_ends():
    curve = thin(pd.Series(range(1000), index=range(50, 1050), dtype=float))
    assert len(curve) == POINTS
    assert (curve[0], curve[-1]) == ((50, 0.0), (1049, 999.0))
    assert thin(pd.Series([1.23456789], index=[50])) == [(50, 1.2346)]


def test_a_curve_outlives_its_run_folder(tmp_path):
    store = Store(tmp_path / "runs", Records(tmp_path / "trainings.csv"))
    training = Training(Setting("int8", "8 bits"), "net", 1, 1, store)
    folder = training.kept.folder
    folder.mkdir(parents=True)
    (folder / COMMAND).write_text(training.command, encoding="utf-8")
    facts = {"test_accuracy": 0.5, "steps": 60, "images_per_step": 1, "train_images_per_s": 1.0, "complete": True}
    (folder / "summary.json").write_text(json.dumps(facts), encoding="utf-8")
    steps = range(1, WINDOW_ROWS + 11)
    pd.DataFrame({"step": steps, "train_loss": [1 / step for step in steps]}).to_csv(folder / "metrics.csv")
    path = tmp_path / "losses.csv"
    fresh = kept_curves(path, [training])
    first, loss = fresh[key(training)][0]
    assert first == WINDOW_ROWS
    assert loss == pytest.approx(sum(1 / step for step in range(1, WINDOW_ROWS + 1)) / WINDOW_ROWS, rel=1e-4)
    assert kept_curves(path, []) == fresh
