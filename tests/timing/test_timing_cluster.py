"""All-reduces: their closed forms against messages passed one by one, and their place in a timed step."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.energy import layer_rows, step_energy
from accelsim.errors import UserError
from accelsim.hardware import Cluster, has_at_least
from accelsim.networks import load_workload
from accelsim.program import Phase, Program, Unit
from accelsim.reports.trace.tracks import unit_threads
from accelsim.timing import simulate
from accelsim.timing.analysis.critical_path import critical_path
from accelsim.timing.analysis.dram_traffic import traffic_by_class
from accelsim.timing.analysis.exposure import Exposure, exposure
from accelsim.timing.analysis.roofline import operation_roofs, phase_roofs, step_roof
from accelsim.timing.analysis.schedule_graph import schedule_graph
from accelsim.timing.analysis.tensor_classes import TensorClass, TensorClasses
from accelsim.timing.mapping.exchange import Volume, all_reduce_cost
from accelsim.timing.planned_step import PlannedStep

TOPOLOGIES = ("ring", "switch", "fully_connected")


def cluster(machines, topology="ring", *, per_s=64e9, latency_ns=500.0, **fields):
    return Cluster(
        machines=machines, topology=topology, link_bytes_per_s=per_s, link_latency_ns=latency_ns, link_pj_per_bit=1,
        **fields,
    )  # fmt: skip


class Messages:
    """Machines that pass messages in rounds; a round ends when the fullest link is done, and its latency is over."""

    def __init__(self, per_cycle, latency):
        self.per_cycle, self.latency = per_cycle, latency
        self.cycles, self.transfer_cycles, self.sent = 0, Fraction(0), {}

    def round(self, messages):
        """``messages``: (link, sender, bytes)."""
        links = {}
        for link, sender, size in messages:
            links[link] = links.get(link, 0) + size
            self.sent[sender] = self.sent.get(sender, 0) + size
        transfer_cycles = max(links.values()) / self.per_cycle
        self.transfer_cycles += transfer_cycles
        self.cycles += ceil(transfer_cycles) + self.latency


def passed_round(machines, elements, sizes, wire):
    """A ring: shares of partial sums, then of sums; every machine ends with the sum over all of every share."""
    held = [[{machine} for _ in range(machines)] for machine in range(machines)]
    share = elements // machines
    sent, partial, gathered = sizes
    for turn in range(machines - 1):
        moving = [((m - turn) % machines, m) for m in range(machines)]
        arrived = [(piece, (m + 1) % machines, held[m][piece]) for piece, m in moving]
        wire.round([((m, (m + 1) % machines), m, share * (partial if turn else sent)) for _, m in moving])
        for piece, to, summands in arrived:
            assert not summands & held[to][piece]
            held[to][piece] = held[to][piece] | summands
    for turn in range(machines - 1):
        moving = [((m + 1 - turn) % machines, m) for m in range(machines)]
        arrived = [(piece, (m + 1) % machines, held[m][piece]) for piece, m in moving]
        wire.round([((m, (m + 1) % machines), m, share * gathered) for _, m in moving])
        for piece, to, summands in arrived:
            held[to][piece] = summands
    return held


def sent_directly(machines, elements, sizes, wire, *, own_links):
    """Each share to the machine that sums it, then each sum to all."""
    share, held = elements // machines, [[{m} for _ in range(machines)] for m in range(machines)]
    pairs = [(m, to) for m in range(machines) for to in range(machines) if to != m]
    links = {pair: pair if own_links else pair[0] for pair in pairs}
    wire.round([(links[pair], pair[0], share * sizes[0]) for pair in pairs])
    for m, to in pairs:
        held[to][to] = held[to][to] | {m}
    wire.round([(links[pair], pair[0], share * sizes[2]) for pair in pairs])
    for m, to in pairs:
        held[to][m] = held[m][m]
    return held


@pytest.mark.parametrize("topology", TOPOLOGIES)
@given(st.integers(2, 9), st.integers(1, 500), st.sampled_from([(4, 4, 4), (1, 4, 1), (2, 4, 2), (1, 1, 1)]))
def test_closed_forms_are_what_messages_take(topology, machines, share, sizes):
    elements, clock = share * machines, 500.0
    wire = Messages(Fraction(64_000_000_000, 500_000_000), 250)
    if topology == "ring":
        held = passed_round(machines, elements, sizes, wire)
    else:
        held = sent_directly(machines, elements, sizes, wire, own_links=topology == "fully_connected")
    everyone = set(range(machines))
    assert all(summands == everyone for pieces in held for summands in pieces)
    cost = all_reduce_cost(cluster(machines, topology), Volume(*(elements * size for size in sizes)), clock)
    assert cost.cycles == wire.cycles
    assert set(wire.sent.values()) == {cost.sent_bytes}
    assert cost.transfer_cycles == wire.transfer_cycles
    if sizes == (4, 4, 4):
        assert cost.sent_bytes * machines == 2 * (machines - 1) * 4 * elements


@given(
    st.sampled_from(TOPOLOGIES),
    st.integers(2, 64),
    st.tuples(*[st.integers(1, 1 << 20)] * 3),
    st.integers(0, 40),
    st.floats(1e6, 1e12),
    st.floats(1, 8),
    st.floats(0, 1e4),
    st.floats(0, 1),
)
def test_faster_links_never_take_longer(topology, machines, sizes, scale, per_s, more, latency_ns, less):
    slow = cluster(machines, topology, per_s=per_s, latency_ns=latency_ns)
    fast = cluster(machines, topology, per_s=per_s * more, latency_ns=latency_ns * less)
    costs = [all_reduce_cost(each, Volume(*sizes, scale), 700.0) for each in (slow, fast)]
    assert costs[1].cycles <= costs[0].cycles
    assert costs[1].sent_bytes == costs[0].sent_bytes
    fuller = all_reduce_cost(slow, Volume(*(2 * size for size in sizes), scale), 700.0)
    assert fuller.cycles >= costs[0].cycles


def test_a_known_example():
    """8 machines, 8 MB of fp32, 64 GB/s at 1 GHz, 500 ns: 14 rounds of 1 MB, each 15 625 cycles and 500 more."""
    cost = all_reduce_cost(cluster(8), Volume(*[8_000_000] * 3), 1000.0)
    assert cost.cycles == 14 * (15_625 + 500)
    assert cost.sent_bytes == 14_000_000
    assert all_reduce_cost(cluster(8, "switch"), Volume(*[8_000_000] * 3), 1000.0).cycles == 2 * (109_375 + 500)
    full = all_reduce_cost(cluster(8, "fully_connected"), Volume(*[8_000_000] * 3), 1000.0)
    assert full.cycles == 2 * (15_625 + 500)
    # A scale that depends on the whole sum takes one more round of small messages on the way.
    known, measured = (all_reduce_cost(cluster(8), Volume(*[800] * 3, scale), 1000.0) for scale in (0, 4))
    assert measured.cycles - known.cycles == 7 * (1 + 500)


@pytest.fixture(scope="module")
def timed(root, int8_machine):
    @cache
    def make(machines=4, batch=64, **fields):
        hw = int8_machine
        if machines:
            own = {"link_bytes_per_s": 16e9, "bucket_bytes": 4096, **fields}
            hw = type(hw).model_validate({**hw.model_dump(exclude_none=True), "cluster": {"machines": machines, **own}})
        workload = load_workload(root / "workloads" / "fashion_mnist_cnn.yaml").model_copy(
            update={"batch_size": batch * (machines or 1)}
        )
        step = PlannedStep(workload.trace(hw.recipe()).program, hw)
        return step, step.simulate()

    return make


def _links(step):
    return [op for op in step.program.operations if op.unit is Unit.LINK]


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("gradient", [None, "bf16", "int8"])
def test_a_timed_step(timed, topology, gradient):
    fields = {"topology": topology} | ({"gradient": gradient} if gradient else {})
    step, timeline = timed(**fields)
    assert len(_links(step)) > 2
    widths = {None: (4, 4, 4), "bf16": (2, 4, 2), "int8": (1, 4, 1)}[gradient]
    for op in _links(step):
        timing, count = timeline.operations[op.index], sum(t.elements for t in step.program.outputs_of(op))
        scale = 4 * len(op.outputs) if gradient == "int8" else 0
        cost = all_reduce_cost(step.hw.cluster, Volume(*(count * width for width in widths), scale), step.hw.clock_mhz)
        assert timing.compute_cycles == cost.cycles
        assert timing.end_cycle - timing.start_cycle >= cost.cycles
        rows = layer_rows(step.program, timeline, step.hw)
        assert rows[op.index]["energy_link_pj"] == 8 * cost.sent_bytes * step.hw.cluster.link_pj_per_bit
    total = step_energy(step.program, timeline, step.hw)
    assert total.total_pj == pytest.approx(sum(row["energy_pj"] for row in layer_rows(step.program, timeline, step.hw)))
    for roof in (*operation_roofs(step.program, timeline, step.hw), step_roof(step.program, timeline, step.hw)):
        assert not roof.share > 1
    assert Phase.ALL_REDUCE in phase_roofs(step.program, timeline, step.hw)
    graph, path = schedule_graph(step.program, timeline), critical_path(step.program, timeline)
    assert graph.replayed(graph.durations()) == [timing.end_cycle for timing in timeline.operations]
    assert path.steps[-1].end_cycle == timeline.total_cycles
    moved = traffic_by_class(step.program, timeline, step.hw)
    assert {kind for phase, kind in moved if phase is Phase.ALL_REDUCE} <= {TensorClass.WEIGHT_GRADIENT}
    assert Program.from_json(step.program.to_json()) == step.program
    assert timeline.total_cycles == step.simulate(skip=False).total_cycles


def test_late_layers_are_exchanged_while_early_ones_go_back(timed):
    step, timeline = timed(link_latency_ns=0)
    backward = [timeline.operations[op.index] for op in step.program.operations if op.phase is Phase.WEIGHT_GRADIENT]
    links = [timeline.operations[op.index] for op in _links(step)]
    assert min(timing.start_cycle for timing in links) < max(timing.end_cycle for timing in backward)
    makers = {i: op.index for op in step.program.operations for i in op.outputs}
    for op, timing in zip(_links(step), links, strict=True):
        assert timing.start_cycle >= max(timeline.operations[makers[i]].end_cycle for i in op.inputs)
    updates = [op for op in step.program.operations if op.phase is Phase.UPDATE]
    assert all(timeline.operations[op.index].end_cycle > min(t.end_cycle for t in links) for op in updates)


def test_exposure_falls_with_bandwidth_and_one_machine_has_none(timed):
    shares = []
    for per_s in (1e8, 1e9, 1e10, 1e13):
        step, timeline = timed(link_bytes_per_s=per_s, link_latency_ns=0)
        found = exposure(step, timeline)
        assert 0 <= found.exposed_cycles <= timeline.total_cycles
        assert found.alone_cycles > 0
        shares.append((found.exposed_cycles, timeline.total_cycles))
    assert shares == sorted(shares, reverse=True)
    assert shares[0][0] > 100 * shares[-1][0]
    step, timeline = timed(1)
    assert exposure(step, timeline) == Exposure(0, 0, 0)
    assert exposure(step, timeline).exposed_share is None
    plain, alone = timed(0)
    assert plain.program == step.program
    assert alone.operations == timeline.operations
    # Free of charge, a share on a cluster of machines takes what it takes alone, but for where sums are stored.
    assert shares[-1][1] == pytest.approx(alone.total_cycles, rel=0.05)


def test_a_cluster_needs_links_and_only_a_cluster_has_a_track_for_them(timed):
    step, _ = timed()
    alone = step.hw.model_copy(update={"cluster": None})
    with pytest.raises(UserError, match="work for 4 machines, but hwconfig int8_range_bn has 1"):
        simulate(step.program, alone)
    assert (Unit.LINK, 0) in unit_threads(step.hw)
    assert (Unit.LINK, 0) not in unit_threads(alone)


def test_what_is_sent_is_a_weight_gradient(timed):
    for fields in ({}, {"gradient": "int8"}):
        step, _ = timed(**fields)
        classes = list(TensorClasses(step.program))
        for op in _links(step):
            assert {classes[i] for i in (*op.inputs, *op.outputs)} == {TensorClass.WEIGHT_GRADIENT}


def test_more_of_a_link_is_at_least_as_much(timed):
    hw = timed()[0].hw

    def changed(**fields):
        return hw.model_copy(update={"cluster": hw.cluster.model_copy(update=fields)})

    for more in ({"link_bytes_per_s": 32e9}, {"link_latency_ns": 10.0}):
        assert has_at_least(changed(**more), hw)
        assert not has_at_least(hw, changed(**more))
    assert has_at_least(changed(link_pj_per_bit=3.0), hw)
    for other in ({"machines": 8}, {"topology": "switch"}, {"bucket_bytes": 1 << 24}):
        assert not has_at_least(changed(**other), hw)
    assert not has_at_least(hw.model_copy(update={"cluster": None}), hw)
    assert not has_at_least(hw, hw.model_copy(update={"cluster": None}))
