"""Sweeps of a tiny network: the same figures as single simulations, kept, gone on with, and never slower with more."""

from __future__ import annotations

import json
import math
import shlex
import shutil
from itertools import pairwise

import pandas as pd
import pytest

import accelsim
from accelsim.errors import UserError
from accelsim.hardware import has_at_least
from accelsim.simulation.inputs import read_inputs
from accelsim.studies.no_slower import Timed, machines_to_run_as

SIZES = {"buffers.input.capacity_bytes": ["2KiB", "16KiB"], "dram.channels": [1, 2]}
SMALL = ["mac_array.rows=8", "mac_array.columns=8"]


@pytest.fixture(scope="module")
def swept(int8, tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep") / "out"
    return accelsim.sweep(int8, tiny, SIZES, settings=SMALL, timing_only=True, out=folder)


def inputs(command):
    """Files and settings of ``accelsim simulate``."""
    words = shlex.split(command)
    return words[2], words[3], [word for before, word in pairwise(words) if before == "--set"]


def simulated(command):
    hwconfig, workload, settings = inputs(command)
    return accelsim.simulate(hwconfig, workload, settings=settings, timing_only=True)


def machine(command):
    hwconfig, workload, settings = inputs(command)
    return read_inputs(hwconfig, workload, settings=settings).hw


def again(swept, **changes):
    asked = swept.asked
    vary = {**SIZES, **changes.pop("vary", {})}
    options = {"settings": SMALL, "timing_only": True, "out": swept.folder, "resume": True, **changes}
    return accelsim.sweep(asked.hwconfig, asked.workload, vary, **options)


def test_a_row_has_the_figures_of_a_simulation(swept):
    for _, row in swept.table[swept.table["runs_as"] == ""].iterrows():
        summary = simulated(row["command"]).summary
        figures = {name: value for name, value in summary.items() if isinstance(value, int | float)}
        figures.pop("complete")
        assert figures.items() <= row.to_dict().items()
        assert row["total_area_um2"] == summary["area_um2"] + summary["buffer_area_um2"]


def test_table_on_disk_is_the_table(swept):
    assert len(swept.table) == 4
    parquet = pd.read_parquet(swept.folder / "sweep.parquet")
    pd.testing.assert_frame_equal(parquet, swept.table, check_dtype=False)
    assert (swept.folder / "report.html").stat().st_size > 1e6
    assert len(list((swept.folder / "points").glob("*.json"))) >= 4


def test_a_finished_sweep_runs_nothing_again(swept, monkeypatch):
    from accelsim.studies.sweep.runner import PointRunner

    monkeypatch.setattr(PointRunner, "run", lambda *_: pytest.fail("a point ran again"))
    pd.testing.assert_frame_equal(again(swept).table, swept.table)


def test_values_may_be_added(swept, tiny, int8, tmp_path):
    folder = tmp_path / "more"
    shutil.copytree(swept.folder, folder)
    more = again(swept, vary={"dram.channels": [4, 1, 2]}, out=folder)
    fresh = accelsim.sweep(int8, tiny, {**SIZES, "dram.channels": [4, 1, 2]}, settings=SMALL, timing_only=True, jobs=1)
    pd.testing.assert_frame_equal(more.table, fresh.table)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"vary": {"dram.channels": [1]}}, "--vary dram.channels has 2 there and not here"),
        ({"vary": {"mac_array.count": [1, 2]}}, "--vary mac_array.count is new here"),
        ({"settings": [*SMALL, "batch_size=8"]}, "set.2 (nothing there, batch_size=8 here)"),
        ({"timing_only": False}, "timing_only (True there, False here)"),
        ({"resume": False}, "holds a sweep already; --resume goes on with it, --force overwrites it"),
    ],
)
def test_another_sweep_is_refused_by_what_differs(swept, changes, expected):
    with pytest.raises(UserError) as error:
        again(swept, **changes)
    assert expected in str(error.value)


def test_another_file_is_refused_by_its_field(swept, tiny, tmp_path):
    other = tmp_path / "tiny.yaml"
    other.write_text(tiny.read_text(encoding="utf-8").replace("filters: 8", "filters: 9"), encoding="utf-8")
    with pytest.raises(UserError, match=r"inputs.workload.network.layers.0.conv2d.filters \(8 there, 9 here\)"):
        accelsim.sweep(
            swept.asked.hwconfig, other, SIZES, settings=SMALL, timing_only=True, out=swept.folder, resume=True
        )


def test_force_deletes_the_sweep_and_nothing_else(int8, tiny, swept, tmp_path):
    folder = tmp_path / "old"
    shutil.copytree(swept.folder, folder)
    points = folder / "points"
    old = {path.name for path in points.iterdir()}
    stranger = ("notes.txt", "data.json", "0123456789ab.txt")
    for name in stranger:
        (points / name).write_text("mine", encoding="utf-8")
    (points / "folder").mkdir()
    accelsim.sweep(int8, tiny, {"batch_size": [8]}, timing_only=True, out=folder, force=True)
    left = {path.name for path in points.iterdir()}
    assert {*stranger, "folder"} <= left
    assert not left & old


@pytest.mark.parametrize(
    ("held", "force", "expected"),
    [
        ("points/notes.txt", False, "holds points already, of something else"),
        ("points/0123456789ab.json", True, "looks like a point of a sweep"),
        ("points", True, "is no folder"),
        ("summary.json", True, "holds a run (summary.json), which no sweep may overwrite"),
        ("sweep.json", True, "not a sweep's record"),
    ],
)
def test_a_strangers_folder_is_left_alone(int8, tiny, tmp_path, held, force, expected):
    (tmp_path / held).parent.mkdir(exist_ok=True)
    (tmp_path / held).write_text("{}", encoding="utf-8")
    with pytest.raises(UserError) as error:
        accelsim.sweep(int8, tiny, {"dram.channels": [1, 2]}, timing_only=True, out=tmp_path, force=force)
    assert expected in str(error.value)
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()] == [held]


def test_a_refused_point_is_a_row(int8, tiny):
    sizes = {"buffers.output.capacity_bytes": ["128 B", "32KiB"]}
    found = accelsim.sweep(int8, tiny, sizes, timing_only=True)
    assert "--vary buffers.output.capacity_bytes=128 B" in found.table["failed"][0]
    assert "does not fit" in found.table["failed"][0]
    assert found.table["total_cycles"].isna().tolist() == [True, False]
    assert found.table["failed"][1] == ""
    assert len(found.frontier()) == 1
    assert "2 points, 1 refused" in repr(found)


def test_files_vary_too(int8, tiny, root):
    other = root / "hwconfigs" / "tpu_v1.yaml"
    found = accelsim.sweep(int8, tiny, {"hwconfig": [str(int8), str(other)], "batch_size": [8]}, timing_only=True)
    for path, cycles in zip(found.table["hwconfig"], found.table["total_cycles"], strict=True):
        alone = accelsim.simulate(path, tiny, settings=["batch_size=8"], timing_only=True)
        assert alone.summary["total_cycles"] == cycles


def test_more_hardware_never_takes_longer(int8, tiny):
    sizes = {f"buffers.{name}.capacity_bytes": ["2KiB", "6KiB"] for name in ("input", "output", "weight")}
    found = accelsim.sweep(int8, tiny, {**sizes, "vector_unit.lanes": [4]}, settings=SMALL, timing_only=True)
    models = [machine(command) for command in found.table["command"]]
    cycles = found.table["total_cycles"].tolist()
    pairs = [(a, b) for a in range(len(models)) for b in range(len(models)) if has_at_least(models[a], models[b])]
    assert len(pairs) == 3**3  # of each buffer, the small one and the large one, and each with itself
    assert all(cycles[a] <= cycles[b] for a, b in pairs)


def test_a_slower_machine_runs_as_the_one_with_less(swept, tmp_path):
    """A point whose kept cycles are made worse is timed anew as the machine with less, at its own energy."""
    folder = tmp_path / "worse"
    shutil.copytree(swept.folder, folder)
    asked = swept.asked
    point = list(asked.points())[-1]
    path = folder / "points" / f"{asked.key(point)}.json"
    kept = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**kept, "total_cycles": 10**9}), encoding="utf-8")
    table = again(swept, out=folder).table
    fastest = swept.table["total_cycles"][:-1].idxmin()
    row, other = table.iloc[-1], swept.table.iloc[fastest]
    assert row["total_cycles"] == other["total_cycles"]
    assert row["runs_as"] == f"point {fastest + 1}: {asked.label(list(asked.points())[fastest])}"
    assert row["command"] == swept.table.iloc[-1]["command"]
    assert row["total_area_um2"] == swept.table.iloc[-1]["total_area_um2"]
    assert again(swept, out=folder).table.equals(table)


def test_one_round_is_enough(load):
    """Whatever cycles are measured, no machine is slower than one with less once each runs as it is told."""
    base = load("int8_range_bn")
    machines = [
        base.model_copy(update={"dram": base.dram.model_copy(update={"channels": channels}), "mac_array": array})
        for channels in (1, 2, 4)
        for array in (base.mac_array, base.mac_array.model_copy(update={"count": 4}))
    ]
    for shuffle in range(30):
        cycles = [1 + (7 * index * (shuffle + 3)) % 11 for index in range(len(machines))]
        timed = [Timed(hw, "work", count) for hw, count in zip(machines, cycles, strict=True)]
        told = machines_to_run_as(timed)
        after = [cycles[told.get(index, index)] for index in range(len(machines))]
        for a, hw in enumerate(machines):
            lesser = [b for b, other in enumerate(machines) if has_at_least(hw, other)]
            assert after[a] == min(cycles[b] for b in lesser)
        assert not machines_to_run_as([one._replace(work=index) for index, one in enumerate(timed)])


@pytest.mark.slow
def test_processes_change_nothing(int8, tiny, swept, tmp_path):
    found = accelsim.sweep(int8, tiny, SIZES, settings=SMALL, timing_only=True, jobs=2, out=tmp_path / "two")
    pd.testing.assert_frame_equal(found.table, swept.table)


@pytest.mark.slow
def test_every_point_trains_for_every_seed(int8, tiny, tmp_path):
    vary = {"numerics.activation.format": ["int8", "int4"]}
    found = accelsim.sweep(int8, tiny, vary, seeds=[3, 5], steps=4, out=tmp_path / "out", jobs=2)
    assert found.table["seed"].tolist() == [3, 5, 3, 5]
    for _, row in found.table.iterrows():
        alone = accelsim.simulate(
            int8,
            tiny,
            seed=row["seed"],
            steps=4,
            settings=[f"numerics.activation.format={row['numerics.activation.format']}"],
        )
        assert row["train_loss"] == alone.summary["train_loss"]
    points = found.data.points
    assert points["test_accuracy"].tolist() == found.table.groupby("point")["test_accuracy"].mean().tolist()
    assert math.isclose(points["test_loss_spread"][0], found.table["test_loss"].iloc[:2].std())
    folders = [path for path in (tmp_path / "out" / "points").iterdir() if path.is_dir()]
    assert all((path / "summary.json").exists() for path in folders)
    assert len(folders) == 4


def test_trainings_of_a_sweep_are_followed(int8, tiny, tmp_path):
    """Points that are there stay as they are, whoever follows those that are added."""
    vary = {"numerics.activation.format": ["int8", "int4"]}
    options = {"steps": 4, "out": tmp_path / "out"}
    first = accelsim.sweep(int8, tiny, {"numerics.activation.format": ["int8"]}, **options)
    found = accelsim.sweep(int8, tiny, vary, **options, resume=True, track=["tensorboard"], quantisers_every=2)
    points = [tmp_path / "out" / "points" / key for key in found.table["key"]]
    assert found.table["train_loss"][0] == first.table["train_loss"][0]
    assert [(point / "tensorboard").exists() for point in points] == [False, True]
    steps = [sorted(set(pd.read_csv(point / "quantisers.csv")["step"])) for point in points]
    assert steps == [[4], [2, 4]]


def test_who_follows_a_sweep_is_asked_for_in_full(int8, tiny, tmp_path):
    vary = {"dram.channels": [1, 2]}
    for options, expected in (
        ({"track": ["tensorboard"]}, "track: tensorboard writes into the run folders of points; give out, too"),
        ({"track": "tensorboard"}, "track: a list of texts is wanted"),
        ({"track": ["tensorbord"], "out": tmp_path}, "no such tracker.*tensorboard"),
        ({"track": ["tensorboard"], "out": tmp_path, "timing_only": True}, "no figure depends on --track"),
        ({"quantisers_every": 0}, "--quantisers-every: at least 1 is wanted, not 0"),
        ({"quantisers_every": 3, "timing_only": True}, "no figure depends on --quantisers-every"),
    ):
        with pytest.raises(UserError, match=expected):
            accelsim.sweep(int8, tiny, vary, **options)
