"""Wall time of calls, of processes, and of accelsim's command."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple


class Seconds(NamedTuple):
    """First of several times, and the median of the others (or of the one)."""

    first: float
    later: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Seconds:
        return cls(seconds[0], statistics.median(seconds[1:] or seconds))


class Command(NamedTuple):
    """Times of a command; ``cpu`` is what its processes used, which other work on the machine changes less."""

    wall: Seconds
    cpu: Seconds


def timed(rounds: int, run: Callable[[], Any]) -> tuple[Seconds, Any]:
    """Times of so many calls, and the last result."""
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        result = run()
        seconds.append(time.perf_counter() - start)
    return Seconds.of(seconds), result


def child(*command: object) -> dict[str, Any]:
    """What a process prints last, as JSON, with its own wall time as ``process_seconds``."""
    start = time.perf_counter()
    done = subprocess.run([*map(str, command)], check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**found, "process_seconds": time.perf_counter() - start}


def command(rounds: int, *arguments: object) -> Command:
    """Of ``accelsim simulate ... --timing-only``: the first has no compiled loops on the disk, the later ones do."""
    with tempfile.TemporaryDirectory() as scratch:
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(Path(scratch) / "numba")}
        line = [sys.executable, "-m", "accelsim", "simulate", *map(str, arguments), "--timing-only"]

        def run(out: Path) -> tuple[float, float]:
            start, used = time.perf_counter(), _cpu_of_children()
            done = subprocess.run(
                [*line, "--out", str(out)], check=False, env=environment, capture_output=True, text=True
            )
            if done.returncode:
                sys.exit(done.stderr)
            return time.perf_counter() - start, _cpu_of_children() - used

        wall, cpu = zip(*(run(Path(scratch) / f"run{i}") for i in range(rounds + 1)), strict=True)
        return Command(Seconds.of(wall), Seconds.of(cpu))


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def peak_kib() -> int:
    """Most memory that this process had (Linux)."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def machine() -> str:
    """Processor, cores and load."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    name = next((line.split(":")[1].strip() for line in info.splitlines() if line.startswith("model name")), "unknown")
    return f"{os.cpu_count()} virtual cores of {name}, at a load of {os.getloadavg()[0]:.1f} before the run"
