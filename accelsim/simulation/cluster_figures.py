"""What the summary says of a cluster: what its machines exchange, how much of that shows, and how it scales."""

from __future__ import annotations

from typing import Any

from accelsim.networks import Topology
from accelsim.simulation.inputs import Inputs
from accelsim.timing import Timeline
from accelsim.timing.analysis.exposure import exposure
from accelsim.timing.planned_step import PlannedStep


def cluster_figures(inputs: Inputs, step: PlannedStep, timeline: Timeline) -> dict[str, Any]:
    """Nothing where the hwconfig has no cluster.

    ``scaling_efficiency``: cycles of one machine that trains alone on a share of the batch, over those of the cluster's
    step; the former is traced and simulated for it. Bytes are those that one machine sends.
    """
    hw, workload = step.hw, inputs.workload
    if hw.cluster is None or isinstance(workload, Topology):
        return {}
    found = exposure(step, timeline)
    alone_cycles = timeline.total_cycles
    if hw.machines > 1:
        alone = hw.model_copy(update={"cluster": None})
        share = workload.model_copy(update={"batch_size": workload.batch_size // hw.machines})
        alone_cycles = PlannedStep(share.trace(alone.recipe()).program, alone).simulate().total_cycles
    return {
        "machines": hw.machines,
        "link_bytes_per_step": found.sent_bytes,
        "all_reduce_alone_cycles": found.alone_cycles,
        "all_reduce_exposed_cycles": found.exposed_cycles,
        "all_reduce_exposed_share": found.exposed_share,
        "scaling_efficiency": alone_cycles / timeline.total_cycles,
    }


def cluster_assumptions(inputs: Inputs) -> list[str]:
    """What to say beside the figures of a cluster."""
    if inputs.hw.machines == 1:
        return []
    return [
        f"Of all {inputs.hw.machines} machines: samples, tokens, MACs, operations per second, energy and area of the "
        "summary. Of one machine, as all are alike: cycles, shares, memory and traffic, and every table and figure by "
        "operation, phase or layer, energy included.",
        "Links are closed forms of a collective's rounds (docs/cluster.md): no congestion, no lost messages, machines "
        "in step. They take as long as the largest message of a round, and adders keep up with them.",
        "Machines sum gradients in the same order, first to last, whatever the topology; a ring's own order differs by "
        "share, and with it the last bits of floating-point sums.",
        "Parameters are replicated, so nothing else is exchanged: no activations, optimizer state or norm statistics. "
        "Running statistics are the first machine's; sending them to the others isn't charged.",
    ]
