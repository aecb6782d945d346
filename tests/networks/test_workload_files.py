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


def test_every_repetition_has_layers_and_parameters_of_its_own(digits, tmp_path):
    path = tmp_path / "w.yaml"
    block = "repeat: {times: 3, body: [{conv2d: {filters: 16, kernel: 1}}, relu]}"
    path.write_text(digits.read_text().replace("    - relu\n", f"    - relu\n    - {block}\n", 1))
    network = load_workload(path).build()
    copies = network.layers[3].children()
    assert [[layer.name for layer in copy] for copy in copies] == [
        ["conv2d2", "relu2"],
        ["conv2d3", "relu3"],
        ["conv2d4", "relu4"],
    ]


@pytest.mark.parametrize(
    ("block", "fault"),
    [
        ("repeat: {times: 2, body: [{relu: {name: a}}]}", r"w\.yaml:11:\d+: .*two layers are called 'a'"),
        ("repeat: {times: 3, body: [{conv2d: {filters: 1, kernel: 4}}]}", r"w\.yaml:11:\d+: .*conv2d4 .* does not fit"),
        ("repeat: {times: 0, body: [relu]}", r"repeat\.times: found 0; allowed: a whole number from 1"),
        ("repeat: {times: 2, body: []}", r"repeat\.body: .*a list that is not empty"),
    ],
)
def test_a_fault_in_a_repetition_is_blamed_where_it_stands(digits, tmp_path, block, fault):
    path = tmp_path / "w.yaml"
    path.write_text(digits.read_text().replace("    - batch_norm\n", f"    - batch_norm\n    - {block}\n", 1))
    with pytest.raises(UserError, match=fault):
        load_workload(path)
