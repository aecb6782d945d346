"""Choices that others make nothing of: allowed, so that a sweep may vary those, but said."""

from __future__ import annotations

from collections.abc import Iterator

from accelsim.formats import Rounding, ScalePolicy
from accelsim.hardware import Dram, HardwareConfig, dram_standards
from accelsim.hardware.role_format import RoleFormat, entries
from accelsim.networks import Topology, Workload


def unread_choices(hw: HardwareConfig) -> list[str]:
    """A sentence for each choice that decides nothing, in the order of the file."""
    of_roles = [sentence for path, entry in _roles(hw) for sentence in _unread(path, entry)]
    return [*_unread_standard(hw.dram), *of_roles]


def flat_schedule(workload: Workload | Topology) -> list[str]:
    """A sentence where a schedule of steps has none."""
    if isinstance(workload, Topology) or workload.schedule.kind != "step" or workload.schedule.milestones:
        return []
    return ["schedule.kind: step decides nothing, as schedule.milestones is empty: the rate never drops"]


def _unread_standard(dram: Dram) -> Iterator[str]:
    """A standard that accelsim knows is more than a label to its reader, who may sweep it."""
    if dram.model == "bandwidth" and dram.standard in dram_standards():
        yield f"dram.standard: {dram.standard} is a label and decides nothing, as model is bandwidth, not standard"


def _roles(hw: HardwareConfig) -> Iterator[tuple[str, RoleFormat]]:
    yield from ((f"numerics.{role}", entry) for role, entry in entries(hw.numerics).items())
    for number, own in enumerate(hw.numerics.layers or ()):
        yield from ((f"numerics.layers.{number}.{role}", entry) for role, entry in own.given.items())
    if hw.cluster is not None:
        yield from ((f"cluster.{role}", entry) for role, entry in entries(hw.cluster).items())


def _unread(path: str, entry: RoleFormat) -> Iterator[str]:
    reasons: dict[str, str] = {}
    if entry.rounding is not Rounding.STOCHASTIC:
        reasons |= dict.fromkeys(("random_bits", "random_source"), f"rounding is {entry.rounding}, not stochastic")
    if entry.scale is not ScalePolicy.DELAYED:
        reasons["history"] = f"scale is {entry.scale}, not delayed"
    for name, reason in reasons.items():
        found = getattr(entry, name)
        if found != RoleFormat.model_fields[name].default:
            yield f"{path}.{name}: {found} decides nothing, as {reason}"
