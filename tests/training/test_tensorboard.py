"""Event files for TensorBoard, read back: the figures of the tables, each once, whatever stopped the run."""

from __future__ import annotations

import csv
import math
import shutil
import struct
import sys

import numpy as np
import pytest

from accelsim import UserError, simulate
from accelsim.datapath.distributions import distribution_of
from accelsim.formats import FP32, Role
from accelsim.machine import Tensor, Value
from accelsim.program import TensorSpec
from accelsim.training.trackers.event_file import EventFile

STEPS = 6


@pytest.fixture(scope="module", autouse=True)
def extra():
    pytest.importorskip("tensorboardX")


def _events(folder):
    """All events of a TensorBoard run, with both checksums of each record."""
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.record_writer import masked_crc32c

    for path in sorted(folder.glob("events.out.tfevents.*")):
        data = path.read_bytes()
        while data:
            length, head_sum = struct.unpack("<QI", data[:12])
            event, (event_sum,) = data[12 : 12 + length], struct.unpack("<I", data[12 + length : 16 + length])
            assert head_sum == masked_crc32c(data[:8])
            assert event_sum == masked_crc32c(event)
            yield Event.FromString(event)
            data = data[16 + length :]


def _points(folder):
    """``{tag: [(step, value or histogram)]}`` in the order of the files."""
    found = {}
    for event in _events(folder):
        for value in event.summary.value:
            shown = value.histo if value.HasField("histo") else value.simple_value
            found.setdefault(value.tag, []).append((event.step, shown))
    return found


def _rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def run(root):
    files = root / "hwconfigs" / "int8_range_bn.yaml", root / "workloads" / "digits_cnn.yaml"

    def simulated(out, steps=STEPS, track=("tensorboard",), **options):
        return simulate(*files, out=out, steps=steps, quantisers_every=2, track=track, **options)

    simulated.files = files
    return simulated


@pytest.fixture(scope="module")
def whole(run, tmp_path_factory):
    """A run that nothing stopped, and its result."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    return folder, run(folder)


def test_figures_are_those_of_the_tables(whole):
    folder, _ = whole
    points = _points(folder / "tensorboard")
    for name in ("train_loss", "train_accuracy", "gradient_norm", "weight_norm", "learning_rate", "test_accuracy"):
        wanted = [(int(row["step"]), float(row[name])) for row in _rows(folder / "metrics.csv") if row[name]]
        assert [step for step, _ in points[f"training/{name}"]] == [step for step, _ in wanted]
        assert np.allclose([v for _, v in points[f"training/{name}"]], [v for _, v in wanted], rtol=1e-6)
    assert len(points["training/train_loss"]) == STEPS
    assert [step for step, _ in points["emulation/samples_per_s"]] == list(range(1, STEPS + 1))
    seen = {name: [] for name in ("scale_factor", "saturated_share", "zero_share", "sqnr_db")}
    for row in _rows(folder / "quantisers.csv"):
        for name, kept in seen.items():
            if math.isfinite(float(row[name])):
                kept.append((f"{name}/{row['tensor']}", int(row["step"]), np.float32(row[name])))
    for name, kept in seen.items():
        found = [(tag, step, np.float32(v)) for tag in points if tag.startswith(f"{name}/") for step, v in points[tag]]
        assert kept
        assert sorted(found) == sorted(kept)


def test_accuracy_against_the_accelerators_time_and_energy(whole):
    folder, result = whole
    for axis, figure, each in (("time_us", "time_per_step_s", 1e-6), ("energy_uj", "energy_per_step_pj", 1e6)):
        ((place, accuracy),) = _points(folder / "tensorboard" / f"against_{axis}")[f"against_{axis}/test_accuracy"]
        assert place == round(STEPS * result.summary[figure] / each)
        assert accuracy == pytest.approx(result.summary["test_accuracy"])
    points = _points(folder / "tensorboard")
    assert points["accelerator/time_s"][-1][1] == pytest.approx(STEPS * result.summary["time_per_step_s"])
    assert points["accelerator/energy_j"][-1][1] == pytest.approx(STEPS * result.summary["energy_per_step_pj"] * 1e-12)


def test_histograms_of_weights_and_gradients(whole):
    """Squares of all of them in one step are those of the norms that the table has."""
    _histograms_have_the_norms_of_the_table(whole[0])


def test_histograms_of_gradients_are_without_the_losss_scale(root, tmp_path):
    files = root / "hwconfigs" / "fp16_mixed.yaml", root / "workloads" / "digits_cnn.yaml"
    settings = ["numerics.loss_scale={initial: 1024, interval: 2}"]
    simulate(*files, out=tmp_path, steps=STEPS, quantisers_every=2, track=("tensorboard",), settings=settings)
    assert {row["loss_scale"] for row in _rows(tmp_path / "metrics.csv")} == {"1024.0", "2048.0", "4096.0"}
    _histograms_have_the_norms_of_the_table(tmp_path)


def test_a_skipped_step_has_no_histogram_of_gradients(root, tmp_path):
    files = root / "hwconfigs" / "fp16_mixed.yaml", root / "workloads" / "digits_cnn.yaml"
    settings = ["numerics.loss_scale={initial: 16777216, backoff: 0.0625, interval: 4}"]
    simulate(*files, out=tmp_path, steps=STEPS, quantisers_every=1, track=("tensorboard",), settings=settings)
    applied = [int(row["step"]) for row in _rows(tmp_path / "metrics.csv") if row["gradient_norm"]]
    assert 0 < len(applied) < STEPS
    points = _points(tmp_path / "tensorboard")
    for kind, steps in (("weights", list(range(1, STEPS + 1))), ("gradients", applied)):
        tags = [tag for tag in points if tag.startswith(f"{kind}/")]
        assert tags
        assert all([step for step, _ in points[tag]] == steps for tag in tags)


def _histograms_have_the_norms_of_the_table(folder):
    points, rows = _points(folder / "tensorboard"), _rows(folder / "metrics.csv")
    for kind, norm in (("weights", "weight_norm"), ("gradients", "gradient_norm")):
        tags = [tag for tag in points if tag.startswith(f"{kind}/")]
        assert [[step for step, _ in points[tag]] for tag in tags] == [[2, 4, 6]] * len(tags)
        for place, step in enumerate((2, 4, 6)):
            squares = sum(points[tag][place][1].sum_squares for tag in tags)
            assert math.sqrt(squares) == pytest.approx(float(rows[step - 1][norm]))
        for tag in tags:
            assert all(sum(histogram.bucket) == histogram.num for _, histogram in points[tag])


@pytest.mark.parametrize("stop", [3, 4])
def test_a_run_in_parts_doubles_no_point(run, whole, tmp_path, stop):
    """The first part has written beyond its checkpoint, and was killed within a record."""
    cut = tmp_path / "cut"
    run(cut, steps=stop)
    folder = cut / "tensorboard"
    ahead = EventFile(tmp_path / "ahead")
    ahead.start(stop)
    ahead.add_scalars(stop + 1, [("training/epoch", 9.0), ("training/train_loss", 9.0)])
    ahead.close()
    (written,) = folder.glob("events*")
    (more,) = (tmp_path / "ahead").glob("events*")
    with open(written, "ab") as file:
        file.write(more.read_bytes()[:-3])
    run(cut, resume=True)
    _same(_points(folder), _points(whole[0] / "tensorboard"), {3, 4} & {stop})
    for axis in ("against_time_us", "against_energy_uj"):
        found, wanted = _points(folder / axis), _points(whole[0] / "tensorboard" / axis)
        assert found[f"{axis}/train_loss"] == wanted[f"{axis}/train_loss"]


def _same(found, wanted, ends):
    """Points of both runs; where a part of the first one ended, it also has what the end of a run has."""
    assert found.keys() == wanted.keys()
    for tag in found.keys() - {"emulation/samples_per_s"}:
        steps = [step for step, _ in found[tag]]
        assert steps == sorted(set(steps))
        extra = set(steps) - {step for step, _ in wanted[tag]}
        assert extra <= ends
        assert [point for point in found[tag] if point[0] not in extra] == wanted[tag]


def test_tracked_from_the_middle_on_it_has_the_figures_before(run, tmp_path):
    run(tmp_path / "run", steps=3, track=())
    assert not (tmp_path / "run" / "tensorboard").exists()
    run(tmp_path / "run", resume=True)
    points = _points(tmp_path / "run" / "tensorboard")
    assert [step for step, _ in points["training/train_loss"]] == list(range(1, STEPS + 1))


def test_it_changes_no_bit_and_a_run_laid_over_leaves_nothing(run, whole, tmp_path):
    run(tmp_path / "run", track=())
    for name in ("checkpoint.safetensors", "metrics.csv", "quantisers.csv"):
        assert (tmp_path / "run" / name).read_bytes() == (whole[0] / name).read_bytes()
    shutil.copytree(whole[0], tmp_path / "again")
    run(tmp_path / "again", steps=2, force=True)
    points = _points(tmp_path / "again" / "tensorboard")
    assert {step for tag in points for step, _ in points[tag]} == {1, 2}


def test_what_is_no_number_is_left_out(tmp_path):
    file = EventFile(tmp_path)
    file.start(0)
    file.add_scalars(1, [("a", math.inf), ("b", math.nan), ("c", None), ("d", 0.0)])
    file.close()
    assert _points(tmp_path) == {"d": [(1, 0.0)]}
    spec = TensorSpec(0, "x", (3,), FP32, Role.WEIGHT)
    values = np.float32([1, np.inf, 3])
    found = distribution_of(Tensor(spec, (3,), Value(values)))
    assert (found.elements, found.smallest, found.largest, found.squares) == (2, 1.0, 3.0, 10.0)
    assert distribution_of(Tensor(spec, (3,), Value(values * np.nan))) is None


def test_a_missing_package_or_name_is_told_before_any_work(run, tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"--track tensorbord: no such tracker \(did you mean 'tensorboard'\?\)"):
        run(tmp_path / "run", track=["tensorbord"])
    with pytest.raises(UserError, match="leave --track out"):
        simulate(*run.files, out=tmp_path / "run", timing_only=True, track=["tensorboard"])
    with pytest.raises(UserError, match="give out, too"):
        run(None)
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(UserError, match=r"^--track tensorboard needs tensorboardX: pip install 'accelsim\[tensorboard"):
        run(tmp_path / "run")
    assert not list(tmp_path.iterdir())
