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


BLOCK = """  blocks:
    act:
      parameters: [filters, kernel: 3]
      layers:
        - conv2d: {filters: $filters, kernel: $kernel, padding: 1, bias: false}
        - batch_norm
        - relu
  layers:
    - act: {filters: 16}
    - act: {filters: 32}
    - max_pool2d: {kernel: 2}
    - flatten
    - linear: {units: 10}
"""


@pytest.fixture
def blocks(digits):
    """The digits' network, written with a block."""
    text = digits.read_text()
    start, end = text.index("  layers:"), text.index("batch_size")
    return text[:start] + BLOCK + text[end:]


def test_a_block_makes_the_layers_that_it_stands_for(digits, blocks, tmp_path):
    path = tmp_path / "w.yaml"
    path.write_text(blocks)
    assert load_workload(path) == load_workload(digits)


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("filters: 32", "filters: 0", r"w\.yaml:17:13: network\.layers\.1\.act\.filters: found 0; allowed: .* from 1"),
        (
            "padding: 1",
            "padding: x",
            r"w\.yaml:12:.*conv2d\.padding\.*: found 'x'.* \(in block 'act', used on line 16\)",
        ),
        ("- relu", "- relo", r"w\.yaml:14:.*no layer is called 'relo'.*\(in block 'act', used on line 16\)"),
        ("- relu", "- relu: {name: a}", r"w\.yaml:14:.*two layers are called 'a'.*used on line 17"),
        ("filters: 32", "filters: 32, kernel: 13", r"w\.yaml:12:.*conv2d2 .* does not fit .* used on line 17\)"),
        ("- act: {filters: 32}", "- act", r"w\.yaml:17:7: network\.layers\.1\.act\.filters: missing"),
        ("    act:\n", "    relu:\n", r"w\.yaml:9:5: network\.blocks\.relu: no block may be called 'relu'"),
    ],
)
def test_a_fault_in_a_block_is_found_where_it_was_written(blocks, tmp_path, before, after, fault):
    path = tmp_path / "w.yaml"
    assert before in blocks
    path.write_text(blocks.replace(before, after, 1))
    with pytest.raises(UserError, match=fault):
        load_workload(path)


@pytest.mark.parametrize(
    ("groups", "fault"),
    [
        (3, r"w\.yaml:9:\d+: .*conv2d\.groups: found 3, which doesn't divide 16 filters"),
        (2, r"w\.yaml:9:\d+: .*conv2d1 .* has 2 groups, which don't divide the 1 channels"),
    ],
)
def test_groups_that_do_not_divide(digits, tmp_path, groups, fault):
    path = tmp_path / "w.yaml"
    path.write_text(digits.read_text().replace("padding: 1,", f"padding: 1, groups: {groups},", 1))
    with pytest.raises(UserError, match=fault):
        load_workload(path)


def test_max_pooling_of_more_taps_than_can_be_told_apart_is_refused(digits, tmp_path):
    path = tmp_path / "w.yaml"
    layer = "    - max_pool2d: {kernel: 17, stride: 1, padding: 8}\n"
    path.write_text(digits.read_text().replace("    - batch_norm\n", layer, 1))
    with pytest.raises(UserError, match=r"w\.yaml:\d+:\d+: .*17x17 kernel; max pooling takes at most 256 taps"):
        load_workload(path)
    path.write_text(path.read_text().replace("kernel: 17, stride: 1", "kernel: 16, stride: 1"))
    load_workload(path)


def test_a_network_without_parameters_has_nothing_to_train(digits, tmp_path):
    path = tmp_path / "w.yaml"
    head, _, rest = digits.read_text().partition("  layers:\n")
    layers = "  layers:\n    - max_pool2d: {kernel: 8}\n    - flatten\n"
    settings = rest[rest.index("batch_size") :]
    path.write_text(head.replace("[8, 8, 1]", "[8, 8, 10]") + layers + settings)
    line = head.count("\n") + 3
    with pytest.raises(UserError, match=rf"w\.yaml:{line}:7: network\.layers\.1: .*without parameters, so that there"):
        load_workload(path)
