"""The page of studies says what its tables say, and what no other point beats is shown."""

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from kept_trainings import ROOT
from studies_parts.design_space import frontier
from studies_parts.page import page

STUDIES = ROOT / "reports" / "studies"


def test_the_committed_page_is_made_of_the_committed_tables():
    tables = {name: pd.read_csv(STUDIES / f"{name}.csv") for name in ("angles", "sweep")}
    assert page(**tables) == (STUDIES / "README.md").read_text(encoding="utf-8")


@given(st.lists(st.tuples(*[st.integers(0, 5)] * 3), min_size=1, max_size=12))
def test_what_nothing_beats_is_on_the_frontier(rows):
    points = pd.DataFrame(rows, columns=["a", "b", "c"]).assign(failed=None)
    found = set(frontier(points, "a", "b", "c").index)
    for index, row in enumerate(rows):
        beaten = any(other != row and all(x <= y for x, y in zip(other, row, strict=True)) for other in rows)
        assert (index in found) is not beaten


def test_refused_points_are_on_no_frontier():
    points = pd.DataFrame({"a": [1, 2], "b": [1, 2], "failed": ["too small", None]})
    assert list(frontier(points, "a", "b").index) == [1]
