"""A training with recomputation, stopped and resumed, leaves what one without it leaves."""

from __future__ import annotations

import pandas as pd
import pytest

import accelsim
from accelsim.training.checkpoint import read_checkpoint

DELAYED = "numerics.activation={format: int8, scale: delayed, rounding: stochastic}"


@pytest.mark.slow
@pytest.mark.parametrize("parts", [1, 4])
def test_the_same_checkpoint_and_tables(root, tmp_path, parts):
    paths = root / "hwconfigs" / "int8_range_bn.yaml", root / "workloads" / "digits_cnn.yaml"
    settings = [DELAYED, f"micro_batches={parts}"]
    accelsim.simulate(*paths, out=tmp_path / "plain", steps=20, settings=settings)
    for steps in (9, 20):
        again = [*settings, "network.recompute=3"]
        accelsim.simulate(*paths, out=tmp_path / "again", steps=steps, resume=steps == 20, settings=again)
    found = [read_checkpoint(tmp_path / name / "checkpoint.safetensors") for name in ("plain", "again")]
    first, second = ({name: value.tobytes() for name, value in each.state.items()} for each in found)
    assert first == second
    assert found[0].scales == found[1].scales
    assert found[0].scales.history
    assert found[0].progress.rows[-1] == found[1].progress.rows[-1]
    tables = [pd.read_csv(tmp_path / name / "dtypes.csv").drop(columns="lives_in") for name in ("plain", "again")]
    assert tables[0].equals(tables[1])
    quantisers = pd.read_csv(tmp_path / "plain" / "quantisers.csv")
    assert not quantisers["tensor"].str.contains("part").any(), "of a batch in parts the first one is looked at"
