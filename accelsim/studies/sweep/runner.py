"""One point of a sweep: timed, or trained in a run folder of its own. Each process has one runner."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from accelsim.errors import UserError
from accelsim.formats import Recipe
from accelsim.hardware import HardwareConfig
from accelsim.networks import Traced
from accelsim.program import Program
from accelsim.progress import Observer
from accelsim.reports.plain import plain
from accelsim.simulation import simulate, stages
from accelsim.simulation.assemble import timed_summary
from accelsim.simulation.blame import blaming
from accelsim.simulation.folder import CHECKPOINT_FILE
from accelsim.simulation.idle import unset_machine
from accelsim.simulation.inputs import Inputs, read_inputs
from accelsim.simulation.settings import sorted_settings
from accelsim.studies.sweep.asked import Asked, Point
from accelsim.studies.sweep.check import in_words_of_vary

Outcome = dict[str, Any]
"""``summary``, the figures; and ``hwconfig``, the machine as resolved; or ``failed``, why there are none."""


MOST_TRACES = 8
"""Traces of one workload, by numerics, that are held."""


class PointRunner:
    """Runs points; what several of them share is read and traced once."""

    def __init__(self, asked: Asked, folder: Path | None) -> None:
        """``folder`` holds the run folders of points that are trained; nothing is written without it."""
        self.asked = asked
        self.folder = folder
        self._works: dict[tuple[str, ...], Any] = {}
        self._unset: list[tuple[Program, HardwareConfig, stages.Timed | None]] = []
        self._traces: dict[tuple[str, ...], list[tuple[Recipe, Traced]]] = {}

    def run(self, point: Point, runs_as: HardwareConfig | None = None) -> Outcome:
        """The outcome of ``point``; with ``runs_as`` the step is timed alone, on what that machine has."""
        try:
            if self.asked.timing_only or runs_as:
                return self._timed(point, runs_as)
            return self._trained(point)
        except UserError as error:
            return {"failed": in_words_of_vary(self.asked, point, str(error))}
        except MemoryError:
            return {"failed": "not enough memory; fewer --jobs at a time need less"}

    def _timed(self, point: Point, runs_as: HardwareConfig | None) -> Outcome:
        inputs, work = self._inputs(point)
        stages.check_costs(inputs)
        traced = self._trace(inputs, work)
        hwconfig, settings = self.asked.files(point)[0], sorted_settings(self.asked.all_settings(point))[0]
        with blaming(hwconfig, settings):
            timed = stages.timed_step(inputs, traced, Observer(), runs_as)
        unset = None if runs_as else unset_machine(hwconfig, settings, inputs.hw)
        planned, timeline = stages.shorter(timed, self._on(unset, traced)) if unset else timed
        return _outcome(timed_summary(inputs, traced, planned, timeline), inputs.hw.model_dump(mode="json"))

    def _inputs(self, point: Point) -> tuple[Inputs, tuple[str, ...]]:
        """The two files of ``point``, and what stands for its workload."""
        hwconfig, workload = self.asked.files(point)
        for_hardware, for_workload = sorted_settings(self.asked.all_settings(point))
        key = (str(workload) if isinstance(workload, Path) else "", *for_workload)
        if key in self._works:
            return Inputs(read_inputs(hwconfig, self._works[key], settings=for_hardware).hw, self._works[key]), key
        inputs = read_inputs(hwconfig, workload, epochs=self.asked.epochs, settings=[*for_hardware, *for_workload])
        self._works[key] = inputs.workload
        return inputs, key

    def _trace(self, inputs: Inputs, work: tuple[str, ...]) -> Traced:
        known = self._traces.setdefault(work, [])
        recipe = inputs.recipe
        found = next((traced for other, traced in known if other == recipe), None)
        if found is None:
            found = stages.trace(inputs)
            known.append((recipe, found))
            del known[:-MOST_TRACES]
        return found

    def _on(self, unset: HardwareConfig, traced: Traced) -> stages.Timed | None:
        """The step of a workload on the machine of its file, which many points have in common."""
        for program, machine, timed in self._unset:
            if program is traced.program and machine == unset:
                return timed
        self._unset = [*self._unset[1 - MOST_TRACES :], (traced.program, unset, stages.timed_on(unset, traced))]
        return self._unset[-1][2]

    def _trained(self, point: Point) -> Outcome:
        asked, folder = self.asked, self.folder and self.folder / self.asked.key(point)
        hwconfig, workload = asked.files(point)
        resume = folder is not None and (folder / CHECKPOINT_FILE).exists()
        with _one_blas_thread():
            result = simulate(
                hwconfig,
                workload,
                out=folder,
                epochs=asked.epochs,
                steps=asked.steps,
                seed=point.seed,
                data=asked.data,
                quantisers_every=asked.quantisers_every,
                track=asked.track,
                settings=asked.all_settings(point),
                resume=resume,
                force=not resume,
            )
        return _outcome(result.summary, result.hwconfig)


def _outcome(summary: dict[str, Any], hwconfig: dict[str, Any]) -> Outcome:
    return {"summary": plain(summary), "hwconfig": plain(hwconfig)}


@contextlib.contextmanager
def _one_blas_thread() -> Iterator[None]:
    """The order in which BLAS adds floats follows its threads; with one, no number of jobs changes a bit."""
    with threadpool_limits(1, user_api="blas"):
        yield
