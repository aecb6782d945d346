"""What is no YAML file of plain data is refused with its place, quickly, whatever it holds."""

from __future__ import annotations

import os

import pytest

from accelsim.errors import UserError
from accelsim.hardware import load_hwconfig
from accelsim.yamlfile import kind_of, read_marked
from accelsim.yamlfile.nodes import MOST_NODES

BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
)
CASES = [
    (b"", ":1:1: the file is empty"),
    (b"# only a comment\n", ":1:1: the file is empty"),
    (b"a: 1\n\tb: 2", ":2:1: not valid YAML: "),
    (b"a: [1", ":1:6: not valid YAML: while parsing a flow sequence"),
    (b"a: b: c", ":1:5: not valid YAML: mapping values are not allowed here"),
    (b"---\na: 1\n---\nb: 2\n", ":3:1: not valid YAML: expected a single document"),
    (b"a: &a [*a]\n", ":1:4: an alias names a value that it is itself part of"),
    (b"a: 1\nc: *y", ":2:4: not valid YAML: found undefined alias 'y'"),
    (b"a: 1\nb: \x07", ":2:4: not valid YAML: a control character (0x07)"),
    (b"a: !!python/object/apply:os.system [x]", ":1:4: values with a tag are not read"),
    (b"a: !!timestamp x", ":1:4: values with a tag are not read (found !!timestamp)"),
    (b"a: !!int foo", ": not valid YAML: "),
    (b"a: 1\na: 2", ":2:1: field 'a' stands twice (first on line 1)"),
    (b"a: 040", ":1:4: found 040, which YAML counts in eights; write it decimal, or text in quotes"),
    (b"a: [1, -1:30]", ":1:8: found -1:30, which YAML counts in sixties"),
    (b"x: {a: 1, a: 2}", ":1:11: field 'a' stands twice (first on line 1)"),
    (b"? [a, b]\n: 1", ":1:3: a field's name must be text"),
    (b"a: " + b"1" * 5000, ":1:4: a number of 5000 digits"),
    (b"[" * 3000, ": not a hwconfig and not a workload: nested too deep"),
    (b"a: " + b"[" * 60 + b"]" * 60, ": nested more than 40 levels deep"),
    (BOMB.encode(), f"aliases make this more than {MOST_NODES} values"),
    ("é: 1".encode("utf-16"), ":1: cannot be read: is not UTF-8 text (byte 0xff)"),
    (b"a: 1\nname: caf\xe9\n", ":2: cannot be read: is not UTF-8 text (byte 0xe9)"),
    (b"#" * (2 << 20), ": longer than 1024 KiB"),
]


@pytest.mark.parametrize(("content", "expected"), CASES, ids=[repr(case[1][:40]) for case in CASES])
def test_a_file_that_is_no_plain_data(tmp_path, content, expected):
    path = tmp_path / "f.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_marked(path)
    assert str(caught.value).startswith(str(path))
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_tabs_get_a_hint(tmp_path):
    path = tmp_path / "f.yaml"
    path.write_text("a:\n\tb: 2")
    with pytest.raises(UserError, match="indent with spaces, not tabs"):
        read_marked(path)


@pytest.mark.parametrize("content", ["- a\n- b\n", "hello", "5", "null"])
def test_a_file_without_fields(tmp_path, content):
    path = tmp_path / "f.yaml"
    path.write_text(content)
    with pytest.raises(UserError, match=r"f\.yaml:1:1: the file holds .*, not fields; a hwconfig has lines such as"):
        load_hwconfig(path)


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(UserError, match="nope: cannot be read: No such file or directory"):
        read_marked(tmp_path / "nope")
    with pytest.raises(UserError, match="cannot be read: this is a folder, not a file"):
        read_marked(tmp_path)
    (tmp_path / "hwconfig.yaml").touch()
    with pytest.raises(UserError, match=r"this is a run folder, not a file; it holds .*hwconfig\.yaml"):
        read_marked(tmp_path)
    with pytest.raises(UserError, match="cannot be read"):
        read_marked(tmp_path / ("x" * 300))


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="pipe: cannot be read: this is a pipe or a device, not a file"):
        read_marked(tmp_path / "pipe")


def test_numbers_that_are_what_they_look_like(tmp_path):
    path = tmp_path / "f.yaml"
    path.write_text("a: [0, 00, 010.5, 0x10, 1_000, '040', '1:30']")
    assert read_marked(path).data == {"a": [0, 0, 10.5, 16, 1000, "040", "1:30"]}


def test_keys_are_text_and_dates_too(tmp_path):
    path = tmp_path / "f.yaml"
    path.write_text("on: 2020-01-01\n1: yes\n")
    assert read_marked(path).data == {"on": "2020-01-01", "1": True}


def test_positions_follow_merges(tmp_path):
    path = tmp_path / "f.yaml"
    path.write_text("base: &base {a: 1, b: 2}\nx:\n  <<: *base\n  a: 3\n")
    marked = read_marked(path)
    assert marked.data["x"] == {"a": 3, "b": 2}
    assert marked.position(("x", "a")) == (4, 3)
    assert marked.position(("x", "b")) == (1, 20)
    assert marked.position(("x", "nothing", 5)) == (2, 1)


def test_windows_files_read_the_same(tmp_path, root):
    text = (root / "hwconfigs" / "fp32.yaml").read_bytes()
    path = tmp_path / "f.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n"))
    assert load_hwconfig(path) == load_hwconfig(root / "hwconfigs" / "fp32.yaml")


@pytest.mark.parametrize(
    ("data", "kind"),
    [({"dram": 1}, "hwconfig"), ({"network": 1, "seed": 1}, "workload"), ({"name": 1}, None), ([], None), (None, None)],
)
def test_a_file_is_told_by_its_fields(data, kind):
    assert kind_of(data) == kind
