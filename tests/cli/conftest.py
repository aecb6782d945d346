"""The command line in this process: exit code, stdout and stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from accelsim.cli import main


class Ran(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def accelsim(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """``accelsim("check", path)`` in an empty folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["accelsim", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        return Ran(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, hwconfig: Path, workload: Path) -> Path:
    """A finished run of two steps; tests that change it take a copy."""
    from accelsim import simulate

    folder = tmp_path_factory.mktemp("finished") / "run"
    simulate(hwconfig, workload, out=folder, steps=2)
    return folder


@pytest.fixture(scope="session")
def hwconfig(root: Path) -> Path:
    return root / "hwconfigs" / "int8_range_bn.yaml"


@pytest.fixture(scope="session")
def workload(root: Path) -> Path:
    return root / "workloads" / "digits_cnn.yaml"
