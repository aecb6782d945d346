"""Memory that a step takes at its fullest, off chip and on, as its operations ran."""

from __future__ import annotations

from itertools import accumulate

from accelsim.program import Program
from accelsim.timing.placement.lifetimes import lifetimes
from accelsim.timing.timeline import Timeline


def training_memory_bytes(program: Program, timeline: Timeline) -> int:
    """Most bytes alive at once: parameters and state all along, others from the start of what makes them.

    They last until all that read them have ended; images and labels are there from the start, and what is used as it
    drains is stored nowhere.
    """
    drained = timeline.residency.drained
    lives, timings = lifetimes(program, drained), timeline.operations
    makers = {i: maker for maker, made in enumerate(lives.made) for i in made}
    changes = []
    for tensor in program.tensors:
        maker = makers.get(tensor.index)
        users = [*lives.readers[tensor.index], *([] if maker is None else [maker])]
        if users and not tensor.persistent and tensor.index not in drained:
            start = 0 if maker is None else timings[maker].start_cycle
            end = max(timings[user].end_cycle for user in users)
            # Sorted, what one operation gives back in a cycle comes before what another takes in the same.
            changes += [(start, tensor.bytes), (end, -tensor.bytes)]
    stored = sum(tensor.bytes for tensor in program.tensors if tensor.persistent)
    return max(accumulate((size for _, size in sorted(changes)), initial=stored))
