"""Workloads as text: the file reads back as the same workload."""

from __future__ import annotations

import pytest

from accelsim.networks import load_workload
from accelsim.networks.workload_text import workload_text


def test_every_shipped_workload_survives_being_written(root, tmp_path):
    for path in sorted((root / "workloads").glob("*.yaml")):
        workload = load_workload(path)
        (tmp_path / path.name).write_text(workload_text(workload, ["two\nlines", "more"]))
        assert load_workload(tmp_path / path.name) == workload, path.name
        assert (tmp_path / path.name).read_text().startswith("# two\n# lines\n# more\nname: ")


@pytest.mark.parametrize("given", ["beside.safetensors", "../up.safetensors", "/else/where.safetensors"])
def test_weights_are_found_beside_the_file(root, tmp_path, monkeypatch, given):
    text = (root / "workloads" / "digits_cnn.yaml").read_text()
    (tmp_path / "w.yaml").write_text(f"{text}\ninitial_weights: {given}\n")
    monkeypatch.chdir(root)
    expected = (tmp_path / given).resolve() if not given.startswith("/") else given
    assert load_workload(tmp_path / "w.yaml").initial_weights == str(expected)
