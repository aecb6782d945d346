"""Workload files: layers, names and where a fault is."""

from __future__ import annotations

import pytest

from accelsim.errors import UserError
from accelsim.networks import load_workload


@pytest.fixture
def digits(root):
    return root / "workloads" / "digits_cnn.yaml"


def test_shipped_workloads_load_and_survive_their_own_dump(root):
    for path in sorted((root / "workloads").glob("*.yaml")):
        workload = load_workload(path)
        assert type(workload).model_validate(workload.model_dump(mode="json")) == workload


def test_automatic_names_count_by_kind(digits):
    names = [layer.name for layer in load_workload(digits).build().layers]
    assert names[:4] == ["conv2d1", "batch_norm1", "relu1", "conv2d2"]


@pytest.mark.parametrize(
    ("layer", "line"),
    [
        ("{relu: {name: conv2d2}}", 12),
        ("{residual: {body: [{relu: {name: conv2d1}}]}}", 10),
        ("{residual: {body: [{relu: {name: a}}], shortcut: [{relu: {name: a}}]}}", 10),
    ],
)
def test_a_name_given_twice_is_found_wherever_it_stands(digits, tmp_path, layer, line):
    path = tmp_path / "w.yaml"
    path.write_text(digits.read_text().replace("    - batch_norm\n", f"    - {layer}\n", 1))
    with pytest.raises(UserError, match=rf"w\.yaml:{line}:\d+: network\.layers\..*: two layers are called"):
        load_workload(path)


def test_anchors_may_repeat_a_block(digits, tmp_path):
    path = tmp_path / "w.yaml"
    text = digits.read_text().replace("    - relu\n", "    - &act relu\n", 1).replace("    - relu\n", "    - *act\n", 1)
    path.write_text(text)
    assert load_workload(path) == load_workload(digits)
