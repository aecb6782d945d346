"""Warnings of a training that has died, and silence about one that is alive."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from accelsim.training.health import NAMED, at_chance, epoch_scores, lost_quantisers, worded

LOST = math.log(10)
STEPS = 4
"""Of an epoch."""


def _training(*epochs, rows=2):
    """Rows of epochs given by loss and accuracy."""
    step = STEPS // rows
    return [
        {
            "step": e * STEPS + (row + 1) * step,
            "epoch": e + (row + 1) / rows,
            "train_loss": loss,
            "train_accuracy": right,
        }
        for e, (loss, right) in enumerate(epochs)
        for row in range(rows)
    ]


def test_scores_weigh_every_step_alike():
    rows = [
        {"step": 1, "epoch": 0.25, "train_loss": 4.0, "train_accuracy": 0.0},
        {"step": 4, "epoch": 1.0, "train_loss": 2.0, "train_accuracy": 1.0},
        {"step": 5, "epoch": 1.25, "train_loss": 9.0, "train_accuracy": math.nan},
        {"step": 6, "epoch": 1.5, "train_loss": 1.0, "train_accuracy": None},
        {"step": 8, "epoch": 2.0, "train_loss": 1.0, "train_accuracy": 0.5},
    ]
    assert epoch_scores(rows) == [(1, 2.5, 0.75), (2, 1.0, 0.5)]


@pytest.mark.parametrize(
    ("epochs", "dead"),
    [
        ([(LOST, 0.1)], ()),
        ([(LOST, 0.1), (LOST, 0.1)], (2,)),
        ([(0.9, 0.7), (0.5, 0.8), (2.31, 0.11), (LOST, 0.1)], (3, 4)),
        ([(0.9, 0.7), (LOST, 0.3)], ()),
        ([(0.9, 0.7), (2.0, 0.1)], ()),
        ([(9.0, 0.1), (3.0, 0.12), (1.0, 0.6)], (2,)),
    ],
)
def test_a_network_at_chance_after_the_first_epoch(epochs, dead):
    found = at_chance(_training(*epochs), 10)
    assert [finding.epochs for finding in found] == ([dead] if dead else [])
    assert at_chance(_training(*epochs)[:-1], 10) == at_chance(_training(*epochs[:-1]), 10), (
        "half an epoch tells nothing"
    )


def test_the_warning_says_what_was_better():
    text = worded(at_chance(_training((0.9, 0.7), (0.5, 0.8), (LOST, 0.1), (LOST, 0.1)), 10))
    assert text[0].startswith("epochs 3 to 4: training accuracy is that of chance (10.0% of 10 classes)")
    assert text[0].endswith("; it was 80.0% in epoch 2")
    assert "it was" not in worded(at_chance(_training((LOST, 0.1), (LOST, 0.1)), 10))[0]


def _recorded(*shares, column="zero_share", tensor="conv1.gradient_data_path"):
    """One quantiser in consecutive steps."""
    rows = {"step": range(1, len(shares) + 1), "tensor": tensor, "layer": "conv1", "role": "layer_gradient_data_path"}
    return pd.DataFrame({**rows, "zero_share": 0.5, "saturated_share": 0.0, column: shares})


@pytest.mark.parametrize(("column", "limit"), [("zero_share", 0.99), ("saturated_share", 0.10)])
def test_a_quantiser_that_lets_nothing_through_for_a_whole_epoch(column, limit):
    over = limit + 0.005
    assert not lost_quantisers(_recorded(*[limit] * STEPS, column=column), STEPS)
    assert not lost_quantisers(_recorded(*[over] * 3, limit, column=column), STEPS)
    assert not lost_quantisers(_recorded(*[over] * 3, column=column), STEPS), "the epoch is not over"
    (found,) = lost_quantisers(_recorded(*[0.0] * STEPS, *[over] * STEPS, over, column=column), STEPS)
    assert found.epochs == (2,)
    assert found.subject == "conv1, layer gradient data path (conv1.gradient_data_path)"
    (text,) = worded([found])
    assert f"{limit:.0%}" in text
    assert text.endswith("(conv1.gradient_data_path) in epoch 2")


def test_many_quantisers_are_one_warning():
    frames = [
        _recorded(*[1.0] * 3 * STEPS, tensor=f"t{i}").query(f"step <= 4 or step > {i % 2 * 4 + 4}") for i in range(9)
    ]
    (text,) = worded(lost_quantisers(pd.concat(frames), STEPS))
    assert text.count("layer gradient data path") == NAMED
    assert text.endswith(f"and {9 - NAMED} more quantisers")
    assert "(t0) in epochs 1 to 3" in text
    assert "(t1) in 2 epochs from 1 to 3" in text


def test_nothing_recorded_warns_of_nothing():
    assert worded([*at_chance([], 10), *lost_quantisers(pd.DataFrame(), STEPS)]) == []
