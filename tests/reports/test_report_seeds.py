"""Means over seeds: their spread, and differences that are no larger."""

import dataclasses
import math
import statistics

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from accelsim.errors import UserError
from accelsim.reports.compare import compare_page, comparison, comparison_table
from accelsim.reports.compare.cells import compare_cells
from accelsim.reports.compare.metrics import METRICS
from accelsim.reports.compare.notes import seed_notes
from accelsim.reports.compare.seeds import is_of_seeds, load_seeds, merged
from accelsim.reports.run_folder import save
from accelsim.reports.spread import within_spread
from accelsim.reports.sweep import SweepData, sweep_page
from accelsim.reports.sweep.rivals import rivals, rivals_text

ACCURACY = next(metric for metric in METRICS if metric.key == "test_accuracy")
TIME = next(metric for metric in METRICS if metric.key == "time_per_step_s")


@pytest.fixture
def seeds(make_result):
    """Runs of one machine, of seeds 1, 2, ... or from ``first`` on, with these accuracies."""

    def made(name, *accuracies, first=1):
        runs = []
        for seed, accuracy in enumerate(accuracies, first):
            run = make_result(name, test_accuracy=accuracy, seed=seed, workload_fields={"seed": seed})
            runs.append(dataclasses.replace(run, metrics=run.metrics.assign(train_loss=run.metrics["step"] * seed)))
        return runs

    return made


def test_means_and_sample_deviations(seeds):
    values = [0.90, 0.92, 0.97]
    runs = seeds("int8", *values)
    found = merged(runs)
    assert found.seeds.numbers == (1, 2, 3)
    assert set(found.seeds.spread) == {"test_accuracy"}
    assert found.summary["test_accuracy"] == pytest.approx(statistics.mean(values))
    assert found.seeds.spread["test_accuracy"] == pytest.approx(statistics.stdev(values))
    assert found.summary["total_cycles"] == runs[0].summary["total_cycles"]
    assert found.summary["seed"] is None
    assert found.metrics["train_loss"].tolist() == pytest.approx((2 * runs[0].metrics["step"]).tolist())
    assert list(found.metrics) == list(runs[0].metrics)


@given(*[st.floats(-1, 1)] * 2, *[st.floats(0, 1)] * 2)
def test_within_the_spread_is_symmetric_and_an_unknown_one_is_the_others(a, b, s, t):
    expected = math.hypot(s, t) > 0 and abs(a - b) <= math.hypot(s, t)
    assert within_spread(a, s, b, t) is within_spread(b, t, a, s) is expected
    assert within_spread(a, math.nan, b, t) is within_spread(a, t, b, t)
    assert within_spread(a, math.nan, b, math.nan) is False


@pytest.mark.parametrize(("other", "mark", "judged"), [(0.915, " ≈", ""), (0.99, "", "better")])
def test_a_difference_within_the_spread_is_no_merit(seeds, make_result, other, mark, judged):
    """The first has 0.91 ± 0.01; a single run is taken to vary as much."""
    base = merged(seeds("fp32", 0.90, 0.91, 0.92))
    single = make_result("int8", test_accuracy=other)
    _, rows = compare_cells([base, single])
    row = next(row for row in rows if row[0].text == ACCURACY.title)
    assert row[1].text == "91.00 % ± 1.00 pp"
    assert [cell.verdict for cell in row[3:]] == [judged, judged]
    assert all(cell.text.endswith(mark) and ("≈" in cell.text) == bool(mark) for cell in row[3:])
    assert not any("≈" in cell.text for other in rows if other is not row for cell in other)
    frame = comparison([base, single]).set_index("metric")
    assert frame.loc[ACCURACY.title, "fp32 spread"] == pytest.approx(1.0)
    assert frame.loc[ACCURACY.title, "int8 within spread"] == bool(mark)
    assert not frame.loc["Cycles per step", "int8 within spread"]


def test_terminal_and_page_say_what_the_marks_are(seeds):
    pair = [merged(seeds("fp32", 0.90, 0.92)), merged(seeds("int8", 0.91, 0.92), unfinished=["seed_3"])]
    console = Console(width=200)
    with console.capture() as shown:
        console.print(comparison_table(pair, 200))
    for text in (shown.get(), compare_page(pair)):
        assert "fp32: mean of 2 seeds (1, 2)" in text
        assert "int8: mean of 2 seeds (1, 2); not finished and left out: seed_3" in text
        assert "±: sample standard deviation over seeds" in text
        assert "91.00 % ± 1.41 pp" in text
    assert "sample standard deviation" not in compare_page(seeds("a", 0.9) + seeds("b", 0.8))


def test_one_finished_seed_is_no_mean(seeds):
    (note, *_) = seed_notes([merged(seeds("int8", 0.9), unfinished=["seed_2"])])
    assert note == "int8: one seed alone (1); not finished and left out: seed_2"


@pytest.mark.parametrize("place", ["", "points"])
def test_a_folder_of_seeds(seeds, tmp_path, place):
    for run in seeds("int8", 0.90, 0.92):
        save(run, tmp_path / place / f"seed_{run.summary['seed']}")
    unfinished = tmp_path / place / "seed_9"
    unfinished.mkdir()
    (unfinished / "checkpoint.safetensors").touch()
    assert is_of_seeds(tmp_path)
    assert not is_of_seeds(tmp_path / place / "seed_1")
    found = load_seeds(tmp_path)
    assert found.seeds.numbers == (1, 2)
    assert found.seeds.unfinished == ("seed_9",)
    assert found.summary["test_accuracy"] == pytest.approx(0.91)


def test_runs_that_are_no_seeds_of_one(seeds, make_result):
    one, two = seeds("int8", 0.9, 0.8)
    other = dataclasses.replace(two, hwconfig={**two.hwconfig, "clock_mhz": 1.0})
    with pytest.raises(UserError, match=r"^runs: .*differ in more than their seed \(clock_mhz="):
        merged([one, other], "runs")
    with pytest.raises(UserError, match="holds seed 1 twice"):
        merged([one, one], "runs")
    zero = seeds("int8", 0.9, 0.8, first=0)
    assert merged(zero, "runs").seeds.numbers == (0, 1)
    with pytest.raises(UserError, match="holds seed 0 twice"):
        merged([zero[0], zero[0]], "runs")
    short = dataclasses.replace(two, summary={**two.summary, "steps": 1})
    with pytest.raises(UserError, match=r"different lengths, in steps: .*1 \(seed 2\)"):
        merged([one, short], "runs")


def _swept():
    """Point 2 is a little better than 1, which varies; 3 is worse and slow; 4 as good as 2, and slower."""
    rows = [
        {"point": point, "x": point, "seed": seed, "time_per_step_s": time, "test_accuracy": accuracy + deviation}
        for point, time, accuracy in ((1, 1.0, 0.90), (2, 1.0, 0.905), (3, 2.0, 0.80), (4, 3.0, 0.905))
        for seed, deviation in ((0, -0.01), (1, 0.01))
    ]
    return SweepData(pd.DataFrame(rows).assign(failed="", runs_as="", hwconfig="a", workload="b"), ("x",))


def test_the_page_of_a_sweep_names_points_within_the_spread():
    assert "Best test accuracy: point 2; within spread: 1, 4." in sweep_page(_swept())
    one = SweepData(_swept().frame.query("seed == 0"), ("x",))
    assert "within spread" not in sweep_page(one).lower().split("<script")[0]


def test_points_of_a_sweep_that_the_spread_leaves_as_good():
    data = _swept()
    points = data.points.set_index("point", drop=False)
    assert rivals(data.points, points.loc[2], [ACCURACY]) == [1, 4]
    assert rivals(data.points, points.loc[2], [TIME, ACCURACY]) == [1]
    assert rivals(data.points, points.loc[4], [TIME, ACCURACY]) == [1, 2]
    assert rivals(data.points, points.loc[1], [TIME]) == []
    many = pd.concat([data.points.assign(point=data.points["point"] + 10 * n) for n in range(3)])
    assert rivals_text(many, points.loc[2], [ACCURACY]).endswith(" and 2 more") is (len(many) == 12)
