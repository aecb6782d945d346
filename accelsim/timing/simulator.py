"""The simulator: a Program replayed on the units and memories of a hwconfig."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import simpy

from accelsim.hardware import HardwareConfig
from accelsim.program import Program, Unit
from accelsim.timing.fast_pipelines import FastPipelines
from accelsim.timing.loops import Loops
from accelsim.timing.memory_system import MemorySystem
from accelsim.timing.ordering import dependency_waits
from accelsim.timing.pipeline import EventPipelines
from accelsim.timing.plan import NOTHING, OperationPlan
from accelsim.timing.planner import Planner
from accelsim.timing.residency import place_tensors
from accelsim.timing.running import Pipelines
from accelsim.timing.schedule import Held, Schedule
from accelsim.timing.stalls import StallCycles
from accelsim.timing.timeline import OperationTiming, Timeline

Progress = Callable[[int, int], None]
"""Told (operations done, operations in all)."""


def simulate(
    program: Program,
    hw: HardwareConfig,
    progress: Progress | None = None,
    *,
    untimed: frozenset[int] = frozenset(),
    skip: bool = True,
) -> Timeline:
    """Time one training step; the same arguments give the same Timeline.

    An operation starts when what it depends on has ended and its unit is free (one of ``mac_array.products_at_once``
    arrays, or the single vector, norm, quantise or update unit). Among those that wait for a unit, the forward and
    data-gradient phases come first, then issue order; DRAM serves the tiles that wait for it in the same order. An
    operation holds its unit until its last tile is stored. That is a list schedule: on a chain of operations more of
    anything never makes it longer, beside each other they may give a longer one with one array more (Graham 1969).

    Operations in ``untimed`` take no time and move nothing: what if they were free?

    ``skip`` passes over whole periods of what repeats itself. Without it, every piece is an event: slower, the same
    Timeline.

    Raises:
        UserError: a buffer is too small for one fold, or the hwconfig lacks a unit.
    """
    residency = place_tensors(program, hw)
    planner = Planner(program, hw, residency)
    plans = [NOTHING if op.index in untimed else planner.plan(op) for op in program.operations]
    environment = simpy.Environment()
    moving = list(dict.fromkeys(plan for plan in plans if not plan.on_chip))
    loops = planner.loops(moving)
    starts = dict(zip(moving, loops.starts, strict=True))
    arrays = hw.mac_array.products_at_once
    schedule = Schedule(
        environment=environment,
        program=program,
        drained=residency.drained,
        plans=plans,
        starts=[starts.get(plan) for plan in plans],
        pipelines=_pipelines(environment, loops, planner.depths, hw, skip=skip),
        prefetch=hw.mac_array.prefetch,
        capacity=lambda unit: arrays if unit is Unit.MAC_ARRAY else 1,
        ended=lambda done: progress(done, len(plans)) if progress else None,
    )
    return Timeline(_timings(program, plans, schedule.run(), residency.level_names), residency)


def _pipelines(
    environment: simpy.Environment, loops: Loops, depths: tuple[int, int, int], hw: HardwareConfig, *, skip: bool
) -> Pipelines:
    if not skip:
        return EventPipelines(environment, loops, depths)
    # One operation on each unit, and one more where it prefetches.
    most = (hw.mac_array.products_at_once + len(Unit) - 1) * (1 + hw.mac_array.prefetch)
    return FastPipelines(environment, MemorySystem(loops, depths, most, tells_tails=hw.mac_array.prefetch))


def _timings(
    program: Program, plans: Sequence[OperationPlan], schedule: Sequence[Held], levels: Sequence[str]
) -> list[OperationTiming]:
    waits = dependency_waits(program, [(held.ready_cycle, held.end_cycle) for held in schedule])
    return [
        OperationTiming(
            index=index,
            start_cycle=held.start_cycle,
            end_cycle=held.end_cycle,
            compute_cycles=plan.compute_cycles,
            wait_cycles=held.start_cycle - held.ready_cycle,
            dependency_cycles=dependency,
            stalls=StallCycles.of(held.stalls, plan.port_stall_cycles, plan.conversion_stall_cycles, levels),
            dram_read_bytes=plan.dram_read_bytes,
            dram_write_bytes=plan.dram_write_bytes,
            sram=plan.sram,
            tiles=plan.tiles,
        )
        for index, (plan, held, dependency) in enumerate(zip(plans, schedule, waits, strict=True))
    ]
