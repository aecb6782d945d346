"""A log of steps: the same rows in memory, in a file, and after any cut."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accelsim.errors import UserError
from accelsim.training.step_log import StepLog

COLUMNS = ("step", "name", "value")
NAMES = st.sampled_from(["conv1.input", 'a "b", c', "d\ne"])


def _rows(step, names):
    return [{"step": step, "name": name, "value": value} for value, name in zip((0.1, None, 3), names, strict=False)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(st.lists(NAMES, max_size=3), min_size=1, max_size=6),
    cut=st.integers(0, 10_000),
    at=st.integers(0, 6),
)
def test_a_log_cut_anywhere_goes_on_to_the_same_rows(tmp_path, names, cut, at):
    """The file has all rows up to a checkpoint after step ``at``, and may have part of what came later."""
    whole, path = StepLog(COLUMNS, None), tmp_path / "log.csv"
    whole.start(lambda step: False)
    path.unlink(missing_ok=True)
    first = StepLog(COLUMNS, path)
    first.start(lambda step: step <= 0)
    least = path.stat().st_size
    for step, found in enumerate(names, 1):
        for log in (whole, first):
            log.add(_rows(step, found))
        assert first.text() == whole.text()
        first.flush()
        least = path.stat().st_size if step <= at else least
    content = path.read_bytes()
    path.write_bytes(content[: max(least, cut)])
    second = StepLog(COLUMNS, path)
    second.start(lambda step: step <= at)
    for step, found in enumerate(names, 1):
        if step > at:
            second.add(_rows(step, found))
    second.flush()
    assert path.read_text("utf-8") == second.text() == whole.text()


@pytest.mark.parametrize("content", ["", "\n", "tensor,step\nx,3\n", "step,name,value\n4", "step,name,value\nx,y,1\n"])
def test_a_file_of_other_rows_is_begun_anew(tmp_path, content):
    (tmp_path / "log.csv").write_text(content)
    log = StepLog(COLUMNS, tmp_path / "log.csv")
    log.start(lambda step: True)
    assert log.text() == (tmp_path / "log.csv").read_text() == "step,name,value\n"


def test_a_file_that_cannot_be_written_is_the_users_to_know(tmp_path):
    log = StepLog(COLUMNS, tmp_path / "nowhere" / "log.csv")
    with pytest.raises(UserError, match="cannot be written"):
        log.start(lambda step: True)
    log.add(_rows(1, ["x"]))
    with pytest.raises(UserError, match="cannot be written"):
        log.flush()


def test_a_file_without_some_columns_keeps_its_rows(tmp_path):
    (tmp_path / "log.csv").write_text("step,value,old\n1,7,x\n2,8,y\n")
    log = StepLog(COLUMNS, tmp_path / "log.csv")
    log.start(lambda step: step < 2)
    assert log.text() == "step,name,value\n1,,7\n"
