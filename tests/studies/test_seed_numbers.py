"""Which seeds are asked for, in trainings of one pair and in sweeps."""

from __future__ import annotations

import numpy as np
import pytest

import accelsim
from accelsim import UserError
from accelsim.cli.numbers import seeds_asked
from accelsim.studies.seed_numbers import seed_numbers


@pytest.fixture(scope="module")
def files(root):
    return root / "hwconfigs" / "int8_range_bn.yaml", root / "workloads" / "digits_cnn.yaml"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("3", (1, 2, 3)), ("3,5", (3, 5)), ("7,", None), ("4-6", (4, 5, 6)), ("3-3", (3,))],
)
def test_a_number_is_how_many_and_a_list_is_which(files, text, expected):
    if expected is None:
        with pytest.raises(UserError, match="allowed are whole numbers"):
            seeds_asked(text)
    else:
        assert seed_numbers(seeds_asked(text), *files) == expected


def test_they_are_counted_from_the_workloads_own(files):
    assert seed_numbers(np.int64(2), *files, settings=["seed=40"]) == (40, 41)
    assert seed_numbers([], *files) == ()


@pytest.mark.parametrize(
    ("seeds", "expected"),
    [
        (1, "how many, and two or more are wanted, as 3 or 1,2,3; found 1"),
        (0, "two or more are wanted, .* found 0"),
        (True, "found True; allowed: how many seeds"),
        ([1, 2.0], "found 2.0; allowed"),
        ("12", "found '12'; allowed"),
        ([2**32], "whole numbers from 0 to 4294967295 are wanted, not 4294967296"),
        ([3, 3], "a seed stands twice"),
    ],
)
def test_what_names_no_seeds_is_refused(files, seeds, expected):
    with pytest.raises(UserError, match=expected):
        seed_numbers(seeds, *files)


def test_more_than_there_are(files):
    with pytest.raises(UserError, match="not 4294967296"):
        seed_numbers(3, *files, settings=["seed=4294967294"])


def test_a_sweep_counts_as_a_training_of_several_seeds_does(files, tmp_path):
    options = {"steps": 1, "settings": ["seed=8"]}
    swept = accelsim.sweep(*files, seeds=2, **options)
    trained = accelsim.train_seeds(*files, 2, out=tmp_path / "out", **options)
    assert tuple(swept.table["seed"]) == trained.seeds.numbers == (8, 9)
    assert swept.table["test_loss"].tolist() == [
        accelsim.load_run(tmp_path / "out" / f"seed_{seed}").summary["test_loss"] for seed in (8, 9)
    ]
