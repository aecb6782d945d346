"""One simulation at a time in a run folder, and no empty folder left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from accelsim.errors import UserError
from accelsim.simulation.held_folder import LOCK_FILE, held_folder

DEEP = "a/b/" * 500


def test_a_second_simulation_is_refused(tmp_path):
    folder = tmp_path / "run"
    with held_folder(folder):
        with pytest.raises(UserError, match="another simulation is writing this run"), held_folder(folder):
            pass
        (folder / "summary.json").touch()
    assert [path.name for path in folder.iterdir()] == ["summary.json"]
    with held_folder(folder):
        pass


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path):
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom accelsim.simulation.held_folder import held_folder\n"
        "with held_folder(Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(UserError, match="another simulation"), held_folder(tmp_path):
            pass
        holder.send_signal(signal.SIGKILL)
    assert (tmp_path / LOCK_FILE).exists()
    with held_folder(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", ["run", "a/b/run", DEEP], ids=["one", "three", "a thousand"])
def test_a_failure_leaves_no_folder_it_made(tmp_path, path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with contextlib.suppress(ZeroDivisionError), held_folder(Path(path)):
        assert os.path.isdir(path)
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


def test_a_folder_that_was_there_stays(tmp_path):
    (tmp_path / "run").mkdir()
    with held_folder(tmp_path / "run"):
        pass
    assert (tmp_path / "run").is_dir()
