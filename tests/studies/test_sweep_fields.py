"""What is asked of a sweep: fields and values, points, and what is refused before any work."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import accelsim
from accelsim.errors import UserError
from accelsim.studies.sweep.asked import Asked, described
from accelsim.studies.sweep.delete import delete_points
from accelsim.studies.sweep.options import check_asked
from accelsim.studies.sweep.record import check_same
from accelsim.studies.sweep.varied import known_value, read_varied

HWCONFIG, WORKLOAD = Path("hwconfigs/int8_range_bn.yaml"), Path("workloads/digits_cnn.yaml")
PLAIN = st.one_of(
    st.integers(-(10**9), 10**9),
    st.booleans(),
    st.floats(-1e6, 1e6, allow_nan=False),
    st.lists(st.integers(0, 9), min_size=1, max_size=3),
)


def asked(*vary, **options):
    return Asked(HWCONFIG, WORKLOAD, read_varied(vary), **options)


def test_values_are_split_at_commas_outside_of_brackets_and_quotes():
    (one,) = read_varied(["a.b=[1, 2],{x: 1, y: 2}, 64KiB ,'a, b',\"c,d\",it's"])
    assert one.values == ("[1, 2]", "{x: 1, y: 2}", "64KiB", "'a, b'", '"c,d"', "it's")


def test_joined_fields_take_one_value_and_options_add_up():
    one, two = read_varied(["x.a+y.b=1,2", "z=3", "x.a+y.b=4"])
    assert one.values == ("1", "2", "4")
    assert one.settings("4") == ["x.a=4", "y.b=4"]
    assert two.settings("3") == ["z=3"]


@given(st.lists(PLAIN, min_size=1, max_size=4, unique_by=lambda value: (type(value), str(value).lstrip("-"))))
def test_plain_values_come_back_from_their_texts(values):
    (one,) = read_varied({"a.b": values})
    assert [known_value(text) for text in one.values] == values


def test_texts_are_as_set_takes_them():
    (one,) = read_varied({"a": ["64 KiB", "[1, 2]", 16, (3, 3), None]})
    assert one.values == ("64 KiB", "[1, 2]", "16", "[3, 3]", "null")


def test_values_of_numpy_are_plain_numbers():
    rates, rows = read_varied({"a": np.array([0.25, 0.5]), "b": [np.int64(8), np.float64(0.5)]})
    assert (rates.values, rows.values) == (("0.25", "0.5"), ("8", "0.5"))


@pytest.mark.parametrize(
    ("vary", "expected"),
    [
        (["rows"], "should be path.to.field=value,value"),
        (["a..b=1"], "should be path.to.field=value,value"),
        (["a=1,,2"], "a value is missing"),
        (["a="], "a value is missing"),
        (["a=16,0x10"], "the value 0x10 stands twice"),
        (["a+a=1"], "names a field twice"),
        (["a=1", "a+b=2"], "a is varied by --vary a already"),
        (["hwconfig+clock_mhz=1"], "are files"),
        (["a=[1"], "not valid YAML"),
    ],
)
def test_options_that_make_no_sense(vary, expected):
    with pytest.raises(UserError, match="--vary") as error:
        read_varied(vary)
    assert expected in str(error.value)


def test_points_are_the_product_and_seeds_vary_fastest():
    points = list(asked("a=1,2", "b=3,4", seeds=(7, 8)).points())
    assert [(*point.values, point.seed) for point in points[:5]] == [
        ("1", "3", 7), ("1", "3", 8), ("1", "4", 7), ("1", "4", 8), ("2", "3", 7),
    ]  # fmt: skip
    assert len(points) == asked("a=1,2", "b=3,4", seeds=(7, 8)).count == 8


def test_a_key_stands_for_settings_in_any_order_and_writing():
    first, second = asked("a=1,2", "b=3"), asked("b=0x3", "a=2,1")
    keys = [{one.key(point) for point in one.points()} for one in (first, second)]
    assert keys[0] == keys[1]
    assert len(keys[0]) == 2
    assert not keys[0] & {one.key(point) for one in [asked("a=1,2", "b=3", seeds=(1,))] for point in one.points()}


def test_the_command_has_the_settings_of_the_point():
    one = asked("dram.channels=1,2", settings=("batch_size=8",), timing_only=True)
    words = shlex.split(one.command(list(one.points())[1]))
    assert words[:4] == ["accelsim", "simulate", str(HWCONFIG), str(WORKLOAD)]
    assert words[4:] == ["--set", "batch_size=8", "--set", "dram.channels=2", "--timing-only"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"vary": ["mac_array.rwos=1,2"]}, ["--vary mac_array.rwos=1", "did you mean 'rows'?"]),
        ({"vary": ["numeric.x=3"]}, ["neither file has a field 'numeric' (did you mean 'numerics'?)"]),
        ({"vary": ["batch_size=8,0"]}, ["--vary batch_size=0", "allowed: a whole number from 1"]),
        ({"vary": ["mac_array.rows=8,sixteen"]}, ["--vary mac_array.rows=sixteen", "found 'sixteen'"]),
        ({"vary": ["hwconfig=none.yaml"]}, ["--vary hwconfig=none.yaml: there is no such file"]),
        ({"vary": []}, ["give --vary"]),
        ({"vary": ["dram.channels=1"], "settings": ["dram.channels=2"]}, ["leave one of them out"]),
        ({"vary": ["dram.channels=1,2"], "seeds": [0, 1]}, ["no figure depends on --seeds"]),
        ({"vary": ["dram.channels=1,2"], "minimise": ["total_cycles"]}, ["give --trials"]),
        ({"vary": {"dram.channels": 2}}, ["a list of values is wanted"]),
        ({"vary": {"dram.channels": "1,2"}}, ["dram.channels is '1,2'; a list of values is wanted"]),
        ({"vary": {"dram.channels": []}}, ["vary: dram.channels has an empty list"]),
        ({"vary": {"dram.channels": [object]}}, ["vary: found <class 'object'>; allowed: numbers, texts"]),
        ({"vary": "dram.channels=1,2"}, ["vary: a mapping, or a list of texts"]),
        ({"vary": ["dram.channels=1,2"], "seeds": 1.5}, ["seeds: found 1.5; allowed: how many seeds"]),
        ({"vary": ["dram.channels=1,2"], "seeds": "0,1"}, ["seeds: found '0,1'; allowed: how many seeds"]),
        ({"vary": ["dram.channels=1,2"], "settings": "batch_size=8"}, ["settings: a list of texts is wanted"]),
        ({"vary": ["clock_mhz=500,0.5 GHz"]}, ["the value 0.5 GHz stands twice, as 500 before"]),
    ],
)
def test_refused_before_any_work(root, tmp_path, options, expected):
    out = tmp_path / "out"
    with pytest.raises(UserError) as error:
        accelsim.sweep(root / HWCONFIG, root / WORKLOAD, timing_only=True, out=out, **options)
    for text in expected:
        assert text in str(error.value)
    assert not out.exists()


def test_a_value_that_some_point_can_take_is_not_refused(root):
    """A kernel of 9 needs the padding; no point has an accumulator of 99 bits."""
    from accelsim.studies.sweep.check import check_values

    fields = ["mac_array.accumulators.forward=int32,int99", "numerics.weight=int8,int16"]
    with pytest.raises(UserError, match="int99"):
        check_values(Asked(root / HWCONFIG, root / WORKLOAD, read_varied(fields), timing_only=True))
    layers = ["network.layers.0.conv2d.padding=0,1", "network.layers.0.conv2d.kernel=3,9"]
    check_values(Asked(root / HWCONFIG, root / WORKLOAD, read_varied(layers), timing_only=True))


def test_two_seeds_vary_something_and_one_does_not():
    check_asked(asked(seeds=(0, 1), steps=1))
    with pytest.raises(UserError, match="give --vary"):
        check_asked(asked(seeds=(0,), steps=1))


def test_a_sweep_goes_on_with_more_seeds_and_not_with_fewer(tmp_path):
    def record(*seeds):
        return {"vary": {}, "seeds": list(seeds), "inputs": {}, "search": None}

    check_same(tmp_path, record(0, 1), record(0, 1, 2))
    with pytest.raises(UserError, match=r"holds another sweep: --seeds has 1 there and not here"):
        check_same(tmp_path, record(0, 1), record(0, 2))


def test_a_link_that_is_called_like_a_point_stays(tmp_path):
    points, kept = tmp_path / "points", tmp_path / "kept.json"
    points.mkdir()
    kept.write_text("{}", encoding="utf-8")
    link = points / f"{'a' * 12}.json"
    link.symlink_to(kept)
    (points / f"{'b' * 12}.json").write_text("{}", encoding="utf-8")
    delete_points(points)
    assert list(points.iterdir()) == [link]
    assert kept.exists()


def test_files_are_called_as_the_user_called_them_and_objects_by_their_names(load):
    assert described(Path("machines/mine.yaml")) == str(Path("machines/mine.yaml"))
    assert described(load("fp32")) == load("fp32").name
