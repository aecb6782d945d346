"""A file is whole or absent, whatever fails."""

import os

import pytest

from accelsim.atomic import write_atomically
from accelsim.errors import UserError


@pytest.mark.parametrize(("content", "expected"), [("µJ\n", "µJ\n".encode()), (b"\x00\xff", b"\x00\xff")])
def test_text_and_bytes_replace_the_old_file(tmp_path, content, expected):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    write_atomically(path, content)
    assert path.read_bytes() == expected
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("step", ["replace", "fsync"])
def test_a_failure_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch, step):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(UserError, match="file: cannot be written: No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


def test_a_missing_folder_is_the_users_mistake(tmp_path):
    with pytest.raises(UserError, match="cannot be written"):
        write_atomically(tmp_path / "nowhere" / "file", "x")
