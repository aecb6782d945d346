"""Searches by Optuna over a grid's values."""

from __future__ import annotations

import shutil
import sys

import pandas as pd
import pytest

import accelsim
from accelsim.errors import UserError
from accelsim.studies.sweep.runner import PointRunner

GRID = {"dram.channels": [1, 2, 4], "batch_size": [8, 16], "buffers.output.capacity_bytes": ["128 B", "32KiB"]}


def search(int8, tiny, trials, **options):
    options = {"minimise": ["total_cycles"], **options}
    return accelsim.sweep(int8, tiny, GRID, timing_only=True, trials=trials, **options)


@pytest.fixture(autouse=True)
def _installed(request):
    if "missing" not in request.node.name:
        pytest.importorskip("optuna")


@pytest.fixture(scope="module")
def searched(int8, tiny, tmp_path_factory):
    return search(int8, tiny, 7, out=tmp_path_factory.mktemp("search") / "out")


def test_no_point_is_run_twice(searched):
    assert len(searched.table) == 7
    assert not searched.table.duplicated(list(GRID)).any()
    assert set(searched.table["failed"] == "") == {True, False}  # what was refused has nothing to tell


def test_an_interrupted_search_ends_as_if_it_had_not_been(int8, tiny, tmp_path, searched, monkeypatch):
    run, ran = PointRunner.run, []

    def stopping(self, *task):
        ran.append(task)
        if len(ran) == 4:
            raise KeyboardInterrupt
        return run(self, *task)

    monkeypatch.setattr(PointRunner, "run", stopping)
    with pytest.raises(KeyboardInterrupt, match="goes on with --resume"):
        search(int8, tiny, 7, out=tmp_path)
    whole = search(int8, tiny, 7, out=tmp_path, resume=True)
    pd.testing.assert_frame_equal(whole.table, searched.table)


def test_a_search_as_large_as_the_grid_finds_the_best(int8, tiny):
    found = search(int8, tiny, 99, minimise=["time_per_step_s", "total_area_um2"])
    assert found.data.axes == ("time_per_step_s", "total_area_um2")
    grid = accelsim.sweep(int8, tiny, GRID, timing_only=True)
    for table in (found, grid):
        assert len(table.table) == 12
    columns = [*GRID, "time_per_step_s", "total_area_um2"]
    fronts = [one.frontier("time_per_step_s", "total_area_um2")[columns] for one in (found, grid)]
    assert sorted(fronts[0].itertuples(index=False)) == sorted(fronts[1].itertuples(index=False))


def test_a_larger_search_keeps_every_point_of_the_smaller_one(int8, tiny, searched, tmp_path):
    folder = tmp_path / "more"
    shutil.copytree(searched.folder, folder)
    more = search(int8, tiny, 9, out=folder, resume=True)
    assert len(more.table) >= 9
    both = searched.table.merge(more.table, on=list(GRID))
    assert len(both) == len(searched.table)
    assert both["total_cycles_x"].equals(both["total_cycles_y"])


def test_points_that_the_search_would_not_choose_stay_in_the_table(int8, tiny, searched, tmp_path, monkeypatch):
    """As after a search by several processes, which chose in another order."""
    from accelsim.studies.sweep import trials

    folder = tmp_path / "other"
    shutil.copytree(searched.folder, folder)
    monkeypatch.setattr(trials, "SEED", trials.SEED + 1)
    found = search(int8, tiny, 7, out=folder, resume=True)
    assert len(searched.table.merge(found.table, on=list(GRID))) == 7


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"trials": 6}, "--trials 7 there, 6 here; more are allowed"),
        ({"minimise": ["time_per_step_s"]}, "--minimise total_cycles there, time_per_step_s here"),
        ({"maximise": ["mac_utilisation"]}, "--maximise nothing there, mac_utilisation here"),
        ({"trials": None, "minimise": []}, "a search (--trials 7) there, the whole grid here"),
    ],
)
def test_another_search_is_refused_by_what_differs(int8, tiny, searched, changes, expected):
    options = {"trials": 7, "out": searched.folder, "resume": True, **changes}
    with pytest.raises(UserError) as error:
        search(int8, tiny, **options)
    assert expected in str(error.value)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"trials": 0}, "at least 1, not 0"),
        ({"minimise": ["total_cycle"]}, "no figure 'total_cycle' (did you mean 'total_cycles'?)"),
        ({"minimise": []}, "give --minimise or --maximise"),
        ({"maximise": ["total_cycles"]}, "a figure stands twice"),
        ({"minimise": "total_cycles"}, "minimise: a list of texts is wanted"),
        ({"maximise": ["test_accuracy"]}, "leave --timing-only out"),
    ],
)
def test_searches_that_make_no_sense(int8, tiny, options, expected):
    with pytest.raises(UserError) as error:
        search(int8, tiny, **{"trials": 3, **options})
    assert expected in str(error.value)


def test_a_missing_optuna_is_named(int8, tiny, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UserError, match=r"pip install 'accelsim\[optuna\]'"):
        search(int8, tiny, 3)
