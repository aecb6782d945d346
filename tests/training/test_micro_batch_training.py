"""A training whose batches come in parts: stopped, resumed and recomputed, it leaves the same; and it learns."""

from __future__ import annotations

import pandas as pd
import pytest

import accelsim
from accelsim.errors import UserError
from accelsim.training.checkpoint import read_checkpoint

SETTINGS = ["micro_batches=4", "numerics.activation={format: int8, scale: delayed, rounding: stochastic}"]


@pytest.fixture
def paths(root):
    return root / "hwconfigs" / "int8_range_bn.yaml", root / "workloads" / "digits_cnn.yaml"


@pytest.mark.slow
def test_the_same_checkpoint_and_tables(paths, tmp_path):
    accelsim.simulate(*paths, out=tmp_path / "plain", steps=20, settings=SETTINGS)
    for steps in (9, 20):
        settings = [*SETTINGS, "network.recompute=3"]
        accelsim.simulate(*paths, out=tmp_path / "again", steps=steps, resume=steps == 20, settings=settings)
    found = [read_checkpoint(tmp_path / name / "checkpoint.safetensors") for name in ("plain", "again")]
    first, second = ({name: value.tobytes() for name, value in each.state.items()} for each in found)
    assert first == second
    assert found[0].scales == found[1].scales
    assert found[0].scales.history
    assert found[0].progress.rows[-1] == found[1].progress.rows[-1]
    tables = [pd.read_csv(tmp_path / name / "dtypes.csv").drop(columns="lives_in") for name in ("plain", "again")]
    assert tables[0].equals(tables[1])
    quantisers = pd.read_csv(tmp_path / "plain" / "quantisers.csv")
    assert not quantisers["tensor"].str.contains("part").any()


def test_another_number_of_parts_is_another_run(paths, tmp_path):
    accelsim.simulate(*paths, out=tmp_path / "run", steps=1, settings=SETTINGS[:1])
    with pytest.raises(UserError, match=r"belongs to another run.*micro_batches \(4 there, 2 here\)"):
        accelsim.simulate(*paths, out=tmp_path / "run", steps=2, resume=True, settings=["micro_batches=2"])


@pytest.mark.slow
def test_learns_the_digits(paths):
    """As with whole batches in as many epochs, see ``test_determinism``."""
    result = accelsim.simulate(*paths, epochs=3, settings=SETTINGS[:1])
    assert result.summary["test_accuracy"] >= 0.95
    assert result.summary["images_per_step"] == 32
