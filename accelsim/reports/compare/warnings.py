"""What a reader of a comparison has to know first: other work, training cut short, more hardware that takes longer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations

from accelsim.hardware import HardwareConfig, has_at_least
from accelsim.reports.compare.labels import unique_labels
from accelsim.reports.compare.machine import machine_of
from accelsim.reports.compare.workloads import workload_warning
from accelsim.reports.result import Result
from accelsim.reports.summary_figures import is_complete


def comparison_warnings(results: Sequence[Result]) -> list[str]:
    """One message each; none where the runs compare like for like."""
    labels, work = unique_labels(results), workload_warning(results)
    cut = [label for label, result in zip(labels, results, strict=True) if not is_complete(result)]
    messages = [work] if work else list(_slower_with_more(results, labels))
    return messages + [f"{label} was cut short: its accuracy and loss are not final." for label in cut]


def _slower_with_more(results: Sequence[Result], labels: Sequence[str]) -> Iterator[str]:
    """Machines that have all of another one's hardware and take more cycles: as that one they would take its cycles."""
    machines, ran_as = [machine_of(result) for result in results], [result.summary.get("runs_as") for result in results]
    for more, less in permutations(range(len(results)), 2):
        machine, other = machines[more], machines[less]
        cycles, fewer = (results[index].summary.get("total_cycles") for index in (more, less))
        if machine and other and cycles and fewer and cycles > fewer and _has_more(machine, other):
            yield (
                f"{labels[more]} has all the hardware of {labels[less]} and takes {cycles / fewer - 1:.2%} longer. "
                f"{_why(ran_as[more])} With what it has more left idle, it takes the cycles of {labels[less]}: "
                f"`accelsim simulate --runs-as` with {_lesser(ran_as[less])}."
            )


def _why(ran_as: str | None) -> str:
    if ran_as:
        return f"It ran as {ran_as}, which takes so long."
    return (
        "That is the schedule's fault: operations beside each other are served by rules that needn't find the shortest "
        "one."
    )


def _lesser(ran_as: str | None) -> str:
    """The hwconfig that gives the cycles of a run."""
    return f"the hwconfig of {ran_as}, as which that run ran" if ran_as else "the hwconfig.yaml of that run"


def _has_more(machine: HardwareConfig, other: HardwareConfig) -> bool:
    return has_at_least(machine, other) and not has_at_least(other, machine)
