"""Figures of the evaluation: the axis of the bulk, and ticks that say what they mean."""

from pathlib import Path

import pytest
from banner import epochs_of
from banner_parts.figures import accuracies, bulk_from, gradient_bits, losses
from banner_parts.loss_curves import key
from banner_parts.results import Result
from banner_parts.settings import Setting
from banner_parts.trainings import Training
from kept_trainings import Store
from training_records import Records

STORE = Store(Path("runs"), Records(Path("nowhere") / "trainings.csv"))


def found(key, percents, epochs=1):
    setting = Setting(key, f"{key}, named", hwconfig="fp32" if key == "fp32" else "int8_range_bn")
    trainings = tuple(Training(setting, "net", epochs, seed, STORE) for seed in range(1, len(percents) + 1))
    return Result(tuple({"test_accuracy": percent / 100} for percent in percents), setting, trainings)


RESULTS = [found("fp32", [89.5, 89.0]), found("int8", [88.0, 88.5]), found("six", [87.0, 87.5]), found("two", [10.0])]


@pytest.mark.parametrize(
    ("values", "low"),
    [([], 0.0), ([10.0, 90.0], 10.0), ([10.0, 87.0, 88.0, 88.5, 89.0, 90.0], 87.0), ([86.0, 87.0, 88.0, 89.0], 86.0)],
)
def test_the_bulk_leaves_outliers_out(values, low):
    assert bulk_from(values) == low


def test_half_points_can_be_read_and_the_outlier_says_its_number():
    figure = accuracies(RESULTS, RESULTS[0])
    low, high = figure.layout.xaxis.range
    assert 86 < low < 87.0
    assert 89.5 < high < 90
    arrow = next(trace for trace in figure.data if trace.mode == "markers+text")
    assert arrow.text == "10.00 %, off the axis"
    assert low < arrow.x[0] < high
    seeds = [x for trace in figure.data if trace.marker.size == 8 for x in trace.x]
    assert seeds == [pytest.approx(x) for x in (89.5, 89.0, 88.0, 88.5, 87.0, 87.5)]


def test_losses_have_written_ticks_and_say_their_window():
    curves = {key(result.trainings[0]): [(50, 2.3), (100, 0.4)] for result in RESULTS[:2]}
    figure = losses(RESULTS[:3], curves)
    axis = figure.layout.yaxis
    assert dict(zip(axis.ticktext, axis.tickvals, strict=True))["0.5"] == 0.5
    assert axis.dtick is None
    assert axis.title.text == "Training loss, mean of 50 steps"
    assert [trace.name for trace in figure.data] == ["fp32, named", "int8, named"]


def test_a_mean_of_seeds_draws_no_seed_but_its_extremes():
    mean = {"test_accuracy": 0.5, "spread": 0.3, "lowest": 0.4, "seeds": 3}
    result = Result((mean,) * 3, RESULTS[0].setting, RESULTS[0].trainings)
    assert [len(trace.x) for trace in accuracies([result], None).data] == [1]
    bars = gradient_bits([("kept", [(2, result)])], None).data[0].error_y
    assert (bars.array[0], bars.arrayminus[0]) == pytest.approx((20, 10))


def test_captions_name_the_epochs():
    assert epochs_of([found("a", [1.0])]) == "1 epoch"
    assert epochs_of([found("a", [1.0], epochs=4)]) == "4 epochs"
