"""SCALE-Sim's topology files: what is read, what doesn't matter, what is refused and where."""

from __future__ import annotations

import csv
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.errors import UserError
from accelsim.formats import FP32, float_recipe
from accelsim.networks.importers.scalesim_topology import read_topology

CONVOLUTIONS = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"
GEMMS = "Layer, M, N, K,\n"


@pytest.fixture
def read(tmp_path):
    def read(text):
        path = tmp_path / "net.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_topology(path)

    return read


def gemms(topology):
    program = topology.trace(float_recipe(FP32)).program
    return [(gemm.m, gemm.k, gemm.n) for operation in program.operations for gemm in operation.gemms]


@pytest.mark.parametrize(("name", "golden_file"), [("topo_conv6", "conv6_os_8x8"), ("topo_gemm12", "gemm12_os_8x8")])
def test_products_are_those_of_scale_sim(golden, read, name, golden_file):
    """Fields are told apart: c4_rect has another size on each axis, and c2 a stride."""
    topology = read((golden / "scalesim" / f"{name}.txt").read_bytes())
    _assert_products(golden, topology, golden_file)


def test_output_pixels_round_up(golden):
    """ResNet-18's first layer, 224 x 224 by 7 x 7 with stride 2, has 110 x 110 of them, without padding."""
    topology = read_topology(golden / "scalesim" / "shipped" / "Resnet18.csv")
    _assert_products(golden, topology, "resnet18_ws_128x128")


def _assert_products(golden, topology, golden_file):
    with (golden / "scalesim" / f"{golden_file}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert gemms(topology) == [(int(row["M"]), int(row["K"]), int(row["N"])) for row in rows]
    assert [layer.name for layer in topology.layers] == [row["layer"] for row in rows]


SHIPPED = {
    "Resnet18": 21,
    "Resnet50": 54,
    "UNet_maestro": 23,
    "dlrm_fwd": 8,
    "dlrm_inp_grad": 8,
    "dlrm_weight_grad": 8,
    "gpt2": 6,
    "mobilenet": 27,
    "resnet_fwd": 54,
    "resnet_input_grad": 54,
    "resnet_weight_grad": 54,
    "transformer_fwd": 54,
    "transformer_inpgrad": 54,
    "transformer_weightgrad": 11,
    "vit_s": 5,
}


@pytest.mark.parametrize(("name", "layers"), SHIPPED.items())
def test_files_that_scale_sim_ships(golden, name, layers):
    topology = read_topology(golden / "scalesim" / "shipped" / f"{name}.csv")
    assert (topology.name, len(topology.layers)) == (name, layers)
    assert len({layer.name for layer in topology.layers}) == layers


def test_gradients_are_matrix_products(golden):
    shipped = golden / "scalesim" / "shipped"
    assert gemms(read_topology(shipped / "resnet_weight_grad.csv"))[0] == (147, 12544, 64)
    assert gemms(read_topology(shipped / "resnet_input_grad.csv"))[0] == (12544, 64, 147)


@pytest.mark.parametrize(
    "text",
    [
        CONVOLUTIONS + "a, 9, 8, 3, 2, 4, 6, 1,\n",
        CONVOLUTIONS + "a,9,8,3,2,4,6,1",
        CONVOLUTIONS.upper() + "\n\n  a , 9 , 8 ,3,2,4,6,1, \n,,,,\n",
        "\ufeff" + CONVOLUTIONS + "a,\u00a09,8,3,2,4,6,1,\n",
        CONVOLUTIONS.replace("\n", "\r\n") + "a,9,8,3,2,4,6,1,\r\n",
        (CONVOLUTIONS + "a,9,8,3,2,4,6,1,\n").replace(",", "\t"),
        CONVOLUTIONS.replace("Strides,", "Strides, Sparsity,") + "a,9,8,3,2,4,6,1, 1:1,\n",
        CONVOLUTIONS.replace("IFMAP Height", "IFMAP Width") + "a,9,8,3,2,4,6,1,,,7,7,49\n",
    ],
)
def test_spelling_does_not_matter(read, text):
    assert gemms(read(text)) == [(7 * 7, 3 * 2 * 4, 6)]


@pytest.mark.parametrize(
    "text", [GEMMS + "a, 3, 5, 7,\n", "l,m,n,k\na,3,5,7", "Layer Name, M, N, K, Sparsity,\na,3,5,7,4:4,"]
)
def test_matrix_products_are_read_in_the_order_m_n_k(read, text):
    assert gemms(read(text)) == [(3, 7, 5)]


def test_depthwise_layers_become_one_layer_a_channel(read):
    topology = read(CONVOLUTIONS + "conv_DP, 9, 9, 3, 3, 4, 1, 2,\nlast, 4, 4, 1, 1, 4, 8, 1,\n")
    assert [layer.name for layer in topology.layers] == [*(f"conv_DPChannel_{i}" for i in range(4)), "last"]
    assert gemms(topology) == [(16, 9, 1)] * 4 + [(16, 4, 8)]


def test_names_that_come_twice_get_a_number(read):
    topology = read(GEMMS + "a,1,1,1\na.2,1,1,1\na,1,1,1\n,1,1,1\na,1,1,1\n")
    assert [layer.name for layer in topology.layers] == ["a", "a.2", "a.3", "line5", "a.4"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (CONVOLUTIONS + "a, 9, 8, 3, 2, 4, six, 1,\n", r"csv:2:19: Num Filter: found 'six'; allowed: a whole number"),
        (CONVOLUTIONS + "\na, 9, 8, 3, 2, 4, 6\n", r"csv:3:21: Strides: missing; allowed: a whole number from 1"),
        (CONVOLUTIONS + "a, 9, 8, 3, 2, 0, 6, 1,\n", r"csv:2:16: Channels: found '0'"),
        (CONVOLUTIONS + "a, 9, 8, 3, 2, 4.5, 6, 1,\n", r"csv:2:16: Channels: found '4\.5'"),
        (CONVOLUTIONS + "a, 9, 8, 3, 2, 4, 6, -1,\n", r"csv:2:22: Strides: found '-1'"),
        (
            CONVOLUTIONS + f"a, 9, 8, 3, 2, {10**30}, 6, 1,\n",
            r"csv:2:16: Channels: found '10+'; allowed: .* to 16777216",
        ),
        (
            CONVOLUTIONS + "a, 2, 8, 3, 2, 4, 6, 1,\n",
            r"csv:2:10: Filter Height: found 3, which is more than the image's 2",
        ),
        (CONVOLUTIONS + "a, 9, 1, 3, 2, 4, 6, 1,\n", r"csv:2:13: Filter Width: found 2, which is more"),
        (CONVOLUTIONS + "a_DP, 9, 8, 3, 2, 70000, 6, 1,\n", r"csv:2:19: Channels: .* to 65536"),
        (CONVOLUTIONS + "Alexnet,\n", r"csv:2:9: IFMAP Height: missing"),
        (GEMMS + "a,1,2,\n", r"csv:2:7: K: missing"),
        ("Layer, M, N, K,\na,1,2,3,4\n", r"csv:2:9: found '4' in a column that the first line does not name"),
        ("Layer, M, N, K, Sparsity,\na,1,2,3, 2:4,\n", r"csv:2:10: Sparsity: found '2:4'; allowed: 1:1"),
        (CONVOLUTIONS.replace("\n", "Batch Size,\n") + "a,9,8,3,2,4,6,1,32,", r"csv:2:17: Batch Size: found '32'"),
        ("a, 9, 8, 3, 2, 4, 6, 1,\n", r"csv:1:4: found numbers on the first line"),
        ("Layer, M, K, N,\na,1,2,3,\n", r"csv:1:1: found the columns 'layer, m, k, n'; allowed: .*'Layer, M, N, K'"),
        (GEMMS, r"csv:1:1: there is no layer after the header"),
        ("", r"csv:1:1: the file is empty"),
        (b"Layer, M, N, K,\n\xff,1,1,1", r"csv:2: cannot be read: is not UTF-8 text"),
    ],
)
def test_a_fault_is_named_by_line_and_field(read, text, fault):
    with pytest.raises(UserError, match=fault):
        read(text)


CELL = st.one_of(
    st.integers(-1, 70000).map(str), st.sampled_from(["", "DP", "1:1", "x", " 3 ", "\u00a02", "\ufeff", "9" * 40])
)
NAME, NUMBER = st.sampled_from(["a", "b_DP"]), st.integers(1, 9).map(str)
PRODUCT, CONVOLUTION = (st.tuples(NAME, *[NUMBER] * count) for count in (3, 7))
LINE = st.one_of(PRODUCT, CONVOLUTION, st.lists(CELL, max_size=10)).map(",".join)


def _outcome(path):
    try:
        return read_topology(path)
    except UserError as error:
        return str(error)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([CONVOLUTIONS, GEMMS, ""]), st.lists(LINE, max_size=4).map("\n".join))
def test_any_text_is_read_or_refused(header, body):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "net.csv"
        path.write_text(header + body, encoding="utf-8")
        found = _outcome(path)
        if isinstance(found, str):
            assert found.startswith(f"{path}:")
        else:
            assert type(found).model_validate(found.model_dump(mode="json")) == found
