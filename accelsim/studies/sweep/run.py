"""``sweep``: many machines or workloads, one value of each varied field at a time, into one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from accelsim.errors import UserError
from accelsim.hardware import HardwareConfig
from accelsim.networks import Topology, Workload
from accelsim.progress import Observer
from accelsim.reports.sweep import check_axes
from accelsim.simulation.held_folder import held_folder
from accelsim.studies.seed_numbers import seed_numbers
from accelsim.studies.sweep.asked import Asked
from accelsim.studies.sweep.campaign import Campaign
from accelsim.studies.sweep.check import check_values
from accelsim.studies.sweep.folder import open_folder
from accelsim.studies.sweep.options import check_asked, text_list
from accelsim.studies.sweep.pool import usable_cpus
from accelsim.studies.sweep.result import Sweep
from accelsim.studies.sweep.save import save_sweep
from accelsim.studies.sweep.trials import Search, check_search, search_points
from accelsim.studies.sweep.varied import read_varied


def sweep(
    hwconfig: HardwareConfig | Path | str,
    workload: Workload | Topology | Path | str,
    vary: Mapping[str, Sequence[Any]] | Sequence[str] = (),
    *,
    settings: Sequence[str] = (),
    timing_only: bool = False,
    epochs: int | None = None,
    steps: int | None = None,
    seeds: Sequence[int] | int = (),
    data: Path | str | None = None,
    quantisers_every: int | None = None,
    track: Sequence[str] = (),
    jobs: int = 1,
    out: Path | str | None = None,
    resume: bool = False,
    force: bool = False,
    trials: int | None = None,
    minimise: Sequence[str] = (),
    maximise: Sequence[str] = (),
    frontier: Sequence[str] = (),
    observer: Observer | None = None,
) -> Sweep:
    """Simulate every combination of the values in ``vary``.

    Args:
        hwconfig: an accelerator, or the path of its YAML file.
        workload: a network and its recipe, or products alone; or the path of its file.
        vary: values by field, as ``{"mac_array.rows+mac_array.columns": [16, 32], "dram.channels": [1, 2]}``; fields
            joined by ``+`` take the same value; ``hwconfig`` and ``workload`` take paths. Or texts, as of ``--vary``.
        settings: fields of either file that all points have, as ``numerics.activation.format=int4``.
        timing_only: cycles and energy alone; otherwise every point trains.
        epochs, steps, data, quantisers_every, track: as of ``simulate``, for every point; the latter two decide no
            figure, and needn't be the same where a sweep goes on. Trackers write into the points' run folders.
        seeds: each point is trained once for each of them; or how many, counted from the seed of ``workload`` on, with
            ``settings``, the same for all points.
        jobs: points at once, each in a process of its own where there are several; 0 for as many as there are CPUs. A
            script that asks for several must be guarded by ``if __name__ == "__main__"``.
        out: folder of the table, the page and the points; nothing is written without it.
        resume: go on with the sweep in ``out``, which may have had fewer values or seeds.
        force: overwrite the sweep in ``out``.
        trials: instead of the whole grid, as many of its points, chosen by Optuna.
        minimise, maximise: columns of the table that it looks for the least or the most of.
        frontier: two columns of the table; the points that no other beats in both are shown. By default the two that
            are searched for; else time per step and, where points trained, test accuracy, or energy per step.
        observer: hears of progress.

    Returns:
        Table and frontier. Points that were refused are rows of the table, with the reason in ``failed``.

    Raises:
        UserError: an input is wrong, before any work; or every point was refused.
        KeyboardInterrupt: with a word on how to go on, where there is a folder.
    """
    asked = Asked(
        hwconfig=Path(hwconfig) if isinstance(hwconfig, str) else hwconfig,
        workload=Path(workload) if isinstance(workload, str) else workload,
        varied=read_varied(vary),
        settings=text_list("settings", settings),
        timing_only=timing_only,
        epochs=epochs,
        steps=steps,
        seeds=seed_numbers(seeds, hwconfig, workload, settings),
        data=None if data is None else Path(data),
        quantisers_every=quantisers_every,
        track=text_list("track", track),
    )
    check_asked(asked)
    if asked.track and out is None:
        raise UserError(f"track: {asked.track[0]} writes into the run folders of points; give out, too")
    if jobs < 0:
        raise UserError(f"jobs must be at least 1, not {jobs}")
    search = check_search(asked, trials, text_list("minimise", minimise), text_list("maximise", maximise))
    axes = text_list("frontier", frontier) or (search.figures if search and len(search.figures) == 2 else None)
    if frontier:
        check_axes(frontier, timing_only=timing_only)
    check_values(asked)
    folder = None if out is None else Path(out)
    with held_folder(folder):
        if folder:
            open_folder(folder, asked, resume=resume, force=force, search=search.record if search else None)
        campaign = Campaign(asked, folder, min(jobs or usable_cpus(), _most(asked, search)), observer or Observer())
        if trials and trials > asked.count:
            campaign.observer.say(f"the grid has {asked.count} point{'s' * (asked.count > 1)}; all are run")
        return _finished(campaign, search, axes)


def _most(asked: Asked, search: Search | None) -> int:
    return min(asked.count, search.trials) if search else asked.count


def _finished(campaign: Campaign, search: Search | None, axes: Sequence[str] | None) -> Sweep:
    try:
        if search:
            search_points(campaign, search)
        else:
            campaign.run(campaign.asked.points())
        campaign.make_no_slower()
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(*campaign.how_to_go_on()) from error
    found = campaign.result(searched=search is not None, axes=axes)
    if campaign.folder:
        save_sweep(found, campaign.folder)
    return found
