"""How the fields that differ between two runs are named."""

from __future__ import annotations

import pytest

from accelsim.training.changes import changed_fields


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {"a": 1}, ""),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, "a.c (2 there, 3 here)"),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, "a.1.b (2 there, 3 here)"),
        ({}, {"a": 1}, "a (nothing there, 1 here)"),
        ({"a": 1}, {"a": {"b": 1}}, "a (1 there, {'b': 1} here)"),
        ({"a": "x" * 99}, {"a": ""}, f"a ({'x' * 37}... there, nothing here)"),
        (dict.fromkeys("abcdefg", 1), {}, ", ".join(f"{c} (1 there, nothing here)" for c in "abcde") + ", and 2 more"),
    ],
)
def test_changed_fields(before, after, expected):
    assert changed_fields(before, after) == expected
