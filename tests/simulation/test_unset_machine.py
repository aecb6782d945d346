"""A machine that settings give more than its file does is no slower than that of the file."""

from __future__ import annotations

import pytest

import accelsim
from accelsim.hardware import load_hwconfig
from accelsim.progress import Observer
from accelsim.simulation import stages
from accelsim.simulation.idle import unset_machine
from accelsim.timing.planned_step import PlannedStep

MORE = "quantise_unit.lanes=128"


@pytest.fixture
def files(root):
    return root / "hwconfigs" / "int8_range_bn.yaml", root / "workloads" / "digits_cnn.yaml"


@pytest.mark.parametrize(
    ("settings", "there"),
    [
        ([MORE], True),
        ([MORE, "mac_array.count=4"], True),
        ([MORE, "norm_unit.lanes=8"], False),
        (["norm_unit.lanes=8"], False),
        ([MORE, "clock_mhz=2000"], False),
        ([MORE, "numerics.activation.format=int4"], False),
        (["mac_array.edge_folds=full"], False),
        ([], False),
    ],
)
def test_it_is_that_of_the_file_where_nothing_is_less(files, settings, there):
    hw = load_hwconfig(files[0], settings)
    found = unset_machine(files[0], settings, hw)
    assert (found is not None) == there
    if found:
        assert found.model_copy(update={"name": "int8_range_bn"}) == load_hwconfig(files[0])
        assert found.name == "int8_range_bn-without-set"


def test_a_file_that_needs_settings_has_none(files, tmp_path):
    text = files[0].read_text(encoding="utf-8")
    lacking = tmp_path / "lacking.yaml"
    lacking.write_text(text.replace("clock_mhz: ", "clock_mhz: -"), encoding="utf-8")
    settings = [MORE, "clock_mhz=500"]
    assert unset_machine(lacking, settings, load_hwconfig(lacking, settings)) is None


@pytest.fixture
def at_odds(files, monkeypatch):
    """What has more than the file's machine takes the cycles of one that converts with a single lane."""
    slow, plain = load_hwconfig(files[0], ["quantise_unit.lanes=1"]), stages.plan_step

    def plan_step(inputs, traced, runs_as=None):
        if inputs.hw.quantise_unit.lanes == 128:
            return PlannedStep(traced.program, slow)
        return plain(inputs, traced, runs_as)

    monkeypatch.setattr(stages, "plan_step", plan_step)


def test_it_runs_as_that_of_the_file_where_that_is_faster(files, monkeypatch, tmp_path, request):
    plain = accelsim.simulate(*files, timing_only=True).summary
    with_more = accelsim.simulate(*files, timing_only=True, settings=[MORE]).summary
    assert with_more["total_cycles"] <= plain["total_cycles"]
    assert "runs_as" not in with_more
    request.getfixturevalue("at_odds")
    result = accelsim.simulate(*files, timing_only=True, settings=[MORE], out=tmp_path / "run")
    assert result.summary["total_cycles"] == plain["total_cycles"]
    assert result.summary["runs_as"] == "int8_range_bn-without-set"
    assert result.summary["area_um2"] == with_more["area_um2"] > plain["area_um2"]
    assert load_hwconfig(tmp_path / "run" / "runs_as.yaml").quantise_unit == load_hwconfig(files[0]).quantise_unit


@pytest.mark.usefixtures("at_odds")
def test_a_finished_run_that_did_stands(files, tmp_path):
    said = []
    observer = Observer()
    observer.say = said.append
    given = {"settings": [MORE, "batch_size=8"], "out": tmp_path / "run", "steps": 1, "observer": observer}
    first = accelsim.simulate(*files, **given)
    again = accelsim.simulate(*files, **given, resume=True)
    assert first.summary["runs_as"] == again.summary["runs_as"]
    assert f"{tmp_path / 'run'} was finished already" in said
    lesser = load_hwconfig(files[0], ["quantise_unit.lanes=2"])
    with pytest.raises(accelsim.UserError, match="a finished run of another hwconfig: runs_as"):
        accelsim.simulate(*files, **given, resume=True, runs_as=lesser)


@pytest.mark.usefixtures("at_odds")
def test_a_point_of_a_sweep_does_likewise(files):
    found = accelsim.sweep(*files, vary=["quantise_unit.lanes=4,128"], timing_only=True).table.set_index(
        "quantise_unit.lanes"
    )
    assert found.loc[128, "runs_as"] == "int8_range_bn-without-set"
    assert found.loc[4, "runs_as"] == ""
    assert found.loc[128, "total_cycles"] < found.loc[4, "total_cycles"]
