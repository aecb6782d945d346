"""Learning-rate schedules, alone and behind a warm-up."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from accelsim.networks.schedule import Schedule

EPOCHS = 100


def factors(epochs, **fields):
    return [Schedule(**fields).rate_factor(epoch, EPOCHS) for epoch in epochs]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, [1, 1, 1, 1]),
        ({"kind": "step", "milestones": [50, 100]}, [1, 1, 0.1, 0.01]),
        ({"kind": "step", "milestones": [25], "factor": 0.5}, [1, 0.5, 0.5, 0.5]),
        ({"kind": "cosine"}, [1, 0.8535534, 0.5, 0]),
        ({"kind": "cosine", "final": 0.2}, [1, 0.8828427, 0.6, 0.2]),
        ({"kind": "linear"}, [1, 0.75, 0.5, 0]),
        ({"kind": "linear", "final": 0.1}, [1, 0.775, 0.55, 0.1]),
        ({"warmup_epochs": 50}, [0, 0.5, 1, 1]),
        ({"kind": "linear", "warmup_epochs": 50}, [0, 0.375, 0.5, 0]),
        ({"kind": "step", "milestones": [50], "warmup_epochs": 100}, [0, 0.25, 0.05, 0.1]),
    ],
)
def test_factors(fields, expected):
    assert factors([0, 25, 50, 100], **fields) == pytest.approx(expected, abs=1e-7)


def test_nothing_rises_again_after_the_end():
    assert factors([100, 120], kind="linear") == factors([100, 120], kind="cosine") == [0, 0]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"kind": "cosine", "milestones": [3]},
            r"found \[3\.0\], but it belongs to kind step, not cosine; leave it out",
        ),
        ({"kind": "cosine", "factor": 0.5}, "found 0.5, but it belongs to kind step, not cosine"),
        ({"kind": "step", "final": 0.5}, "found 0.5, but it belongs to kind cosine and linear, not step"),
        ({"warmup_epochs": 1e9}, "less than or equal to 1000000"),
        ({"kind": "step", "milestones": [0]}, "greater than 0"),
    ],
)
def test_what_is_refused(fields, expected):
    with pytest.raises(ValidationError, match=expected):
        Schedule(**fields)


def test_a_dump_reads_back():
    schedule = Schedule(kind="step", milestones=[30, 60])
    assert Schedule.model_validate(schedule.model_dump()) == schedule
