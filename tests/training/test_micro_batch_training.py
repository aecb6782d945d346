"""A training whose batches come in parts: it learns, and goes on with as many parts alone."""

from __future__ import annotations

import pytest

import accelsim
from accelsim.errors import UserError

PARTS = ["micro_batches=4"]


@pytest.fixture
def paths(root):
    return root / "hwconfigs" / "int8_range_bn.yaml", root / "workloads" / "digits_cnn.yaml"


def test_another_number_of_parts_is_another_run(paths, tmp_path):
    accelsim.simulate(*paths, out=tmp_path / "run", steps=1, settings=PARTS)
    with pytest.raises(UserError, match=r"belongs to another run.*micro_batches \(4 there, 2 here\)"):
        accelsim.simulate(*paths, out=tmp_path / "run", steps=2, resume=True, settings=["micro_batches=2"])


@pytest.mark.slow
def test_learns_the_digits(paths):
    """As with whole batches in as many epochs, see ``test_determinism``."""
    result = accelsim.simulate(*paths, epochs=3, settings=PARTS)
    assert result.summary["test_accuracy"] >= 0.95
    assert result.summary["images_per_step"] == 32
