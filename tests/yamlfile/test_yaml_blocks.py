"""Blocks of a file: what they are written out to, and where their faults are found."""

from __future__ import annotations

import pytest

from accelsim.errors import UserError
from accelsim.yamlfile import expand_blocks, override, read_marked
from accelsim.yamlfile.nodes import MOST_NODES

TAKEN = ("conv", "relu")


@pytest.fixture
def expand(tmp_path):
    def expand(text, settings=()):
        path = tmp_path / "w.yaml"
        path.write_text(text)
        return expand_blocks(override(read_marked(path), settings), "network", TAKEN)

    return expand


BLOCKS = """network:
  size: 3
  blocks:
    pair: {parameters: [width, stride: 1, last: []], layers: [conv: {filters: $width, stride: $stride}, $last]}
    twice:
      parameters: [width]
      layers:
        - pair: {width: $width}
        - residual: {body: [pair: {width: $width, stride: 2}, relu]}
    plain: {layers: [relu, relu]}
  layers:
"""


@pytest.mark.parametrize(
    ("uses", "expected"),
    [
        ("[relu]", ["relu"]),
        ("[plain, relu]", ["relu", "relu", "relu"]),
        ("[plain: {}]", ["relu", "relu"]),
        ("[{plain: }]", ["relu", "relu"]),
        ("[pair: {width: 8}]", [{"conv": {"filters": 8, "stride": 1}}, []]),
        ("[pair: {width: [1, 2], last: x}]", [{"conv": {"filters": [1, 2], "stride": 1}}, "x"]),
        ("[pair: {width: 8, last: [plain]}]", [{"conv": {"filters": 8, "stride": 1}}, ["relu", "relu"]]),
        (
            "[twice: {width: 4}]",
            [
                {"conv": {"filters": 4, "stride": 1}},
                [],
                {"residual": {"body": [{"conv": {"filters": 4, "stride": 2}}, [], "relu"]}},
            ],
        ),
        ("[repeat: {times: 2, body: [plain]}]", [{"repeat": {"times": 2, "body": ["relu", "relu"]}}]),
        ("[conv: {filters: $width}]", [{"conv": {"filters": "$width"}}]),
    ],
)
def test_uses_are_written_out(expand, uses, expected):
    assert expand(BLOCKS + f"    {uses}\n").data == {"network": {"size": 3, "layers": expected}}


def test_a_file_without_blocks_is_left_alone(expand):
    marked = expand("network: {layers: [relu]}\n")
    assert (marked.data, marked.origins) == ({"network": {"layers": ["relu"]}}, {})


USES = BLOCKS + "    - relu\n    - twice: {width: 4}\n    - pair:\n        width: 9\n"


@pytest.mark.parametrize(
    ("location", "message"),
    [
        (("network", "layers", 0), r"w\.yaml:12:7: network\.layers\.0: wrong$"),
        (
            ("network", "layers", 1, "conv", "stride"),
            r"w\.yaml:4:32: network\.blocks\.pair\.parameters\.1\.stride: wrong$",
        ),
        (("network", "layers", 1, "conv", "filters"), r"w\.yaml:13:15: network\.layers\.1\.twice\.width: wrong$"),
        (
            ("network", "layers", 3, "residual", "body", 2),
            r"w\.yaml:9:\d+: network\.blocks\.twice\.layers\.1\.residual\.body\.1: wrong "
            r"\(in block 'twice', used on line 13\)$",
        ),
        (
            ("network", "layers", 4, "conv", "kernel"),
            r"w\.yaml:4:\d+: network\.blocks\.pair\.layers\.0\.conv\.kernel: wrong "
            r"\(in block 'pair', used on line 14\)$",
        ),
        (("network", "layers", 4, "conv", "filters"), r"w\.yaml:15:9: network\.layers\.2\.pair\.width: wrong$"),
    ],
)
def test_a_fault_is_found_where_it_was_written(expand, location, message):
    with pytest.raises(UserError, match=message):
        raise expand(USES).error(location, "wrong")


def test_a_setting_is_named_behind_a_block(expand):
    marked = expand(USES, ["network.layers.2.pair.width=x"])
    assert marked.data["network"]["layers"][4]["conv"]["filters"] == "x"
    assert str(marked.error(("network", "layers", 4, "conv", "filters"), "wrong")) == (
        "--set network.layers.2.pair.width=x: wrong"
    )


@pytest.mark.parametrize(
    ("blocks", "layers", "fault"),
    [
        ("3", "[relu]", r"w\.yaml:2:3: network\.blocks: found 3; allowed: blocks by name"),
        ("{conv: {layers: [relu]}}", "[relu]", r"network\.blocks\.conv: no block may be called 'conv', as a layer is"),
        (
            "{a: [relu]}",
            "[a]",
            r"network\.blocks\.a: found a list of 1 \(relu\); allowed: the fields parameters, layers",
        ),
        ("{a: {layer: [relu]}}", "[a]", r"blocks\.a\.layer: unknown field \(did you mean 'layers'\?\)"),
        ("{a: {parameters: [b]}}", "[relu]", r"blocks\.a\.layers: missing; allowed: a list that is not empty"),
        ("{a: {layers: []}}", "[relu]", r"blocks\.a\.layers: found an empty list; allowed: a list that is not empty"),
        (
            "{a: {parameters: b, layers: [relu]}}",
            "[relu]",
            r"blocks\.a\.parameters: found 'b'; allowed: a list of names",
        ),
        ("{a: {parameters: [3], layers: [relu]}}", "[relu]", r"parameters\.0: found 3; allowed: a name, or"),
        ("{a: {parameters: [b, b: 1], layers: [relu]}}", "[relu]", r"parameters\.1\.b: parameter 'b' stands twice"),
        (
            "{a: {parameters: [b], layers: [$b]}}",
            "[a]",
            r"w\.yaml:3:12: network\.layers\.0\.a\.b: missing; it is a parameter",
        ),
        ("{a: {layers: [relu]}}", "[a: 3]", r"network\.layers\.0\.a: found 3; allowed: nothing: it has no parameters"),
        (
            "{a: {parameters: [width], layers: [relu]}}",
            "[a: {widht: 3}]",
            r"layers\.0\.a\.widht: block 'a' has no such parameter \(did you mean 'width'\?\); "
            r"allowed: the parameters width",
        ),
        (
            "{a: {parameters: [width], layers: [$widht]}}",
            "[a: {width: 3}]",
            r"w\.yaml:2:\d+: network\.blocks\.a\.layers\.0: found '\$widht', but block 'a' has no such parameter "
            r"\(did you mean 'width'\?\)",
        ),
        (
            "{a: {layers: [b]}, b: {layers: [a]}}",
            "[a]",
            r"blocks\.b\.layers\.0\.a: block 'a' is part of itself: a > b > a",
        ),
    ],
)
def test_a_wrong_block_or_use_is_refused(expand, blocks, layers, fault):
    with pytest.raises(UserError, match=fault):
        expand(f"network:\n  blocks: {blocks}\n  layers: {layers}\n")


def test_blocks_do_not_grow_without_end(expand):
    """Ten in each other, each twice as long, and more than ten."""
    long = "".join(f"    b{i}: {{layers: [b{i + 1}, b{i + 1}]}}\n" for i in range(9))
    wide = f"network:\n  blocks:\n{long}    b9: {{layers: [{', '.join(['relu'] * 400)}]}}\n  layers: [b0]\n"
    with pytest.raises(UserError, match=f"blocks make this more than {MOST_NODES} values"):
        expand(wide)
    deep = "".join(f"    b{i}: {{layers: [b{i + 1}]}}\n" for i in range(10))
    with pytest.raises(UserError, match="more than 10 blocks inside each other: b0 > b1"):
        expand(f"network:\n  blocks:\n{deep}    b10: {{layers: [relu]}}\n  layers: [b0]\n")
