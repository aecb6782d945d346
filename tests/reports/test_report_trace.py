"""The Chrome trace: valid events, rows without overlap, arrows inside slices, a size that has bounds."""

import gzip
import json
import math
from collections import defaultdict
from dataclasses import replace
from itertools import pairwise
from math import prod

import pytest

from accelsim.formats import Role, integer
from accelsim.hardware.memory import Level
from accelsim.program import Gemm, Operation, Phase, Program, TensorSpec, Unit, Work
from accelsim.reports.trace import chrome_trace, trace_events
from accelsim.reports.trace.arrows import dependency_arrows
from accelsim.reports.trace.levels import MOST_LEVELS, dram_levels, resident_levels, tile_levels
from accelsim.reports.trace.memory import BANDWIDTH
from accelsim.reports.trace.slices import operation_slices, shown_operations
from accelsim.reports.trace.tiles import INSET_CYCLES, tile_slices
from accelsim.reports.trace.tracks import DRAM_PROCESS, UNITS_PROCESS
from accelsim.timing import DramModel, passes, product_cost, simulate
from accelsim.timing.analysis.buffer_fill import Fill, buffer_fills
from accelsim.timing.analysis.dram_division import dram_division
from accelsim.timing.scheduling.ordering import predecessors

FIELDS = {
    "M": {"name", "pid", "tid", "args"},
    "X": {"name", "cat", "pid", "tid", "ts", "dur", "args"},
    "B": {"name", "cat", "pid", "tid", "ts", "args"},
    "E": {"name", "cat", "pid", "tid", "ts"},
    "C": {"name", "pid", "tid", "ts", "args"},
    "s": {"name", "cat", "pid", "tid", "ts", "id"},
    "f": {"name", "cat", "pid", "tid", "ts", "id", "bp"},
}
"""Required fields by phase of the event."""
METADATA = {"process_name": "name", "thread_name": "name", "thread_sort_index": "sort_index"}
"""Argument by kind of metadata."""
WORKLOADS = {"digits_cnn": (), "cifar10_resnet20": ("relu", "add")}
"""With what is applied to results as they drain: residual sums wait for a summand that streams in."""


@pytest.fixture(scope="module", params=WORKLOADS)
def step(request, trace, load):
    """(program, timeline, hardware) of a shipped workload."""
    program, hw = trace("int8_range_bn", request.param), load("int8_range_bn")
    hw = hw.model_copy(update={"fused_epilogues": WORKLOADS[request.param]})
    return program, simulate(program, hw), hw


@pytest.fixture(scope="module")
def events(step):
    return trace_events(*step)


def of_kind(events, kind):
    return [event for event in events if event["ph"] == kind]


def test_every_event_has_what_its_phase_needs(events):
    for event in events:
        assert set(event) == {"ph", *FIELDS[event["ph"]]}
        assert isinstance(event["name"], str)
        assert event.get("ts", 0) >= 0
        assert event.get("dur", 1) > 0


def test_names_come_first_and_the_rest_is_in_time_order(events):
    kinds = [event["ph"] for event in events]
    names = kinds.count("M")
    assert set(kinds[:names]) == {"M"}
    assert all(a["ts"] <= b["ts"] for a, b in pairwise(events[names:]))


def test_every_row_is_named_and_its_slices_never_overlap(events):
    rows = rows_of(of_kind(events, "X"))
    named = {(event["pid"], event["tid"]) for event in of_kind(events, "M") if event["name"] == "thread_name"}
    assert set(rows) <= named
    for spans in rows.values():
        assert all(a[1] <= b[0] for a, b in pairwise(sorted(spans)))


def rows_of(slices):
    """(start, end) of slices by row."""
    rows = defaultdict(list)
    for event in slices:
        rows[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    return rows


def test_tiles_lie_inside_their_operation_and_say_how_many(step, events):
    program, timeline, hw = step
    operations = [event for event in of_kind(events, "X") if event["pid"] == UNITS_PROCESS]
    inside, ends = defaultdict(list), {}
    for event in operations:
        inside[event["pid"], event["tid"]].append(event)
    for end in reversed(of_kind(events, "E")):
        ends.setdefault((end["pid"], end["tid"]), []).append(end)
    assert len(operations) / 4 < len(of_kind(events, "B")) == len(of_kind(events, "E"))
    for begin in of_kind(events, "B"):
        operation, end = _around(inside, begin), ends[begin["pid"], begin["tid"]].pop()
        assert operation["ts"] < begin["ts"] < end["ts"] < operation["ts"] + operation["dur"]
        timing = timeline.operations[operation["args"]["index"]]
        assert begin["args"]["tiles"] == operation["args"]["tiles"] == timing.pieces > 1
        assert end["ts"] - begin["ts"] >= timing.compute_cycles - 2 * INSET_CYCLES
    for event in operations:
        timing = timeline.operations[event["args"]["index"]]
        products = sum(prod(cuts(choice)) * choice.gemm.count for choice in timing.tiles)
        assert not timing.tiles or products == timing.pieces
        least = sum(product_cost(choice.gemm, hw.mac_array).folds * choice.gemm.count for choice in timing.tiles)
        assert event["args"]["folds"] >= least * passes(program, program.operations[timing.index], hw.mac_array)


def cuts(choice):
    """Tiles along each axis."""
    return [-(-getattr(choice.gemm, axis) // getattr(choice.tile, axis)) for axis in "mkn"]


def test_metadata_names_every_process_and_row_once(events):
    named = {kind: [e for e in of_kind(events, "M") if e["name"] == kind] for kind in METADATA}
    assert sum(map(len, named.values())) == len(of_kind(events, "M"))
    for kind, key in METADATA.items():
        assert all(set(event["args"]) == {key} for event in named[kind])
    for kind, where in (("process_name", ("pid",)), ("thread_name", ("pid", "tid"))):
        places = [tuple(event[part] for part in where) for event in named[kind]]
        assert len(set(places)) == len(places)
        used = {tuple(event[part] for part in where) for event in events if event["ph"] in "Xsf"}
        assert used <= set(places)
    assert {event["pid"] for event in events} == {event["pid"] for event in named["process_name"]}
    assert all(isinstance(event["args"]["sort_index"], int) for event in named["thread_sort_index"])


def test_values_are_what_the_format_takes(events):
    """Whole numbers for processes, rows and arrows; finite numbers for times and counters; nothing that JSON lacks."""
    for event in events:
        assert all(type(event.get(field, 0)) is int for field in ("pid", "tid", "id"))
        assert all(math.isfinite(event.get(field, 0)) for field in ("ts", "dur"))
        assert isinstance(event.get("cat", ""), str)
        assert event.get("bp", "e") == "e"
    json.dumps(events, allow_nan=False)


def test_a_counter_is_one_series_with_one_value_at_a_time(events):
    series = defaultdict(list)
    for event in of_kind(events, "C"):
        (value,) = event["args"].values()
        assert type(value) in (int, float)
        assert value >= 0
        series[event["pid"], event["name"], *event["args"]].append(event["ts"])
    buffers = ["Input buffer: tiles", "Weight buffer: tiles", "Output buffer: tiles", "Operand buffers: resident"]
    names = [BANDWIDTH, *(f"{name} (bytes)" for name in buffers)]
    assert {name for _, name, _ in series} == set(names)
    for times in series.values():
        assert all(a < b for a, b in pairwise(times))


def test_each_array_has_a_row(events):
    titles = [event["args"]["name"] for event in of_kind(events, "M") if event["name"] == "thread_name"]
    assert titles[:3] == ["MAC array 1", "MAC array 2", "Vector"]
    assert len(set(titles)) == len(titles)


def test_an_operation_is_one_slice_with_its_counts(step, events):
    program, timeline, _ = step
    shown = [event for event in of_kind(events, "X") if event["pid"] == UNITS_PROCESS]
    slices = {event["args"]["index"]: event for event in shown}
    assert set(slices) == {t.index for t in timeline.operations if t.end_cycle > t.start_cycle}
    for index, event in slices.items():
        timing, operation = timeline.operations[index], program.operations[index]
        assert (event["name"], event["cat"]) == (operation.name, operation.phase)
        assert (event["ts"], event["ts"] + event["dur"]) == (timing.start_cycle, timing.end_cycle)
        assert event["args"]["dram_read_bytes"] == timing.dram_read_bytes
        assert event["args"]["macs"] == operation.macs


def test_arrows_pair_up_run_forwards_and_end_inside_slices(step, events):
    starts, ends = ({event["id"]: event for event in of_kind(events, kind)} for kind in "sf")
    assert starts.keys() == ends.keys()
    assert len(starts) == len(of_kind(events, "s"))
    inside = {}
    for event in of_kind(events, "X"):
        if event["pid"] == UNITS_PROCESS:
            inside.setdefault((event["pid"], event["tid"]), []).append(event)
    found = set()
    for number, start in starts.items():
        source, target = (_around(inside, event)["args"]["index"] for event in (start, ends[number]))
        assert start["ts"] <= ends[number]["ts"]
        found.add((source, target))
    assert found == _expected_pairs(*step[:2])
    assert len(found) == len(starts) > 0


def _around(rows, event):
    """The one slice that an arrow's end lies strictly inside of."""
    row = rows[event["pid"], event["tid"]]
    (found,) = [piece for piece in row if piece["ts"] < event["ts"] < piece["ts"] + piece["dur"]]
    return found


def _expected_pairs(program, timeline):
    """Of operations that take time, each with what its schedule waits for, through others that take none."""
    needed = predecessors(program, timeline.residency.drained)
    timed = {t.index for t in timeline.operations if t.end_cycle > t.start_cycle}

    def before(index):
        return {earlier for i in needed[index] for earlier in ({i} if i in timed else before(i))}

    return {(earlier, index) for index in timed for earlier in before(index)}


def test_what_streams_in_has_an_arrow_to_the_host(load):
    """A sum that is applied to the second product's results reads those of the first."""
    tensors = [TensorSpec(i, f"t{i}", (64, 64), integer(8), Role.INTERNAL) for i in range(5)]
    product = ("matmul", Unit.MAC_ARRAY, "l", Phase.FORWARD)
    operations = [
        Operation(0, *product, (0, 1), (2,), (Gemm(64, 64, 64),)),
        Operation(1, *product, (1, 0), (3,), (Gemm(64, 64, 64),)),
        Operation(2, "add", Unit.VECTOR, "l", Phase.FORWARD, (2, 3), (4,), work=Work(4096, 0, 1, integer(8))),
    ]
    program, hw = Program(tensors, operations), load("int8_range_bn")
    for fused, arrows in (((), 2), (("add",), 1)):
        hw = hw.model_copy(update={"fused_epilogues": fused})
        events = trace_events(program, simulate(program, hw), hw)
        assert len(of_kind(events, "s")) == len(of_kind(events, "f")) == arrows


def test_dram_slices_and_counter_hold_all_bytes(step, events):
    _, timeline, hw = step
    busy = [event for event in of_kind(events, "X") if event["pid"] == DRAM_PROCESS]
    assert sum(e["dur"] * e["args"]["bytes_per_cycle"] for e in busy) == pytest.approx(timeline.dram_bytes)
    samples = [event for event in of_kind(events, "C") if event["pid"] == DRAM_PROCESS]
    moved = sum(a["args"]["value"] * (b["ts"] - a["ts"]) for a, b in pairwise(samples))
    assert moved == pytest.approx(timeline.dram_bytes)
    assert samples[-1]["args"]["value"] == 0
    assert max(e["args"]["share_of_bandwidth"] for e in busy) * DramModel.of(hw).bytes_per_cycle == pytest.approx(
        max(e["args"]["bytes_per_cycle"] for e in busy)
    )


def test_no_slice_and_no_sample_is_above_what_dram_has(step, events):
    peak = DramModel.of(step[2]).bytes_per_cycle
    samples = [event["args"]["value"] for event in of_kind(events, "C") if event["name"] == BANDWIDTH]
    assert 0.5 * peak < max(samples) <= peak
    busy = [event["args"] for event in of_kind(events, "X") if event["pid"] == DRAM_PROCESS]
    assert max(args["share_of_bandwidth"] for args in busy) <= 1
    stretches = dram_division(step[1].operations, DramModel.of(step[2]).exact_bytes_per_cycle)
    assert max(level.value for level in dram_levels(stretches, 9)) <= peak


@pytest.mark.parametrize(("channels", "rows"), [(1, 1), (4, 4), (32, 1)])
def test_few_channels_have_a_row_each(trace, load, channels, rows):
    hw, program = load("int8_range_bn"), trace("int8_range_bn")
    hw = hw.model_copy(update={"dram": hw.dram.model_copy(update={"channels": channels})})
    timeline = simulate(program, hw)
    events = trace_events(program, timeline, hw)
    named = [e for e in of_kind(events, "M") if e["name"] == "thread_name" and e["pid"] == DRAM_PROCESS]
    busy = [event for event in of_kind(events, "X") if event["pid"] == DRAM_PROCESS]
    spans = rows_of(busy)
    assert len(named) == len(spans) == rows
    assert all(span == spans[DRAM_PROCESS, 1] for span in spans.values())
    assert sum(e["dur"] * e["args"]["bytes_per_cycle"] for e in busy) == pytest.approx(timeline.dram_bytes)


def test_tiles_fit_their_buffers(step):
    program, timeline, hw = step
    fills = buffer_fills(program, timeline, hw)
    for name in ("input", "weight", "output"):
        buffer, most = getattr(hw.buffers, name), max(getattr(fill, f"{name}_bytes") for fill in fills)
        assert 0 < most <= buffer.capacity_bytes - buffer.resident_bytes
    for fill, timing in zip(fills, timeline.operations, strict=True):
        assert fill == Fill(0, 0, 0) or timing.end_cycle > timing.start_cycle
    held = tile_levels(timeline, [fill.input_bytes for fill in fills])
    assert max(level.value for level in held) >= max(fill.input_bytes for fill in fills)
    assert held[-1].value > 0


def test_each_level_has_a_counter_of_its_own(trace, load):
    program, hw = trace("int8_range_bn"), load("int8_range_bn")
    level = Level(name="near", capacity_bytes=1 << 20, bytes_per_cycle=64, resident_share=0.5)
    hw = hw.model_copy(update={"buffers": hw.buffers.model_copy(update={"levels": (level,)})})
    timeline = simulate(program, hw)
    samples = [e for e in trace_events(program, timeline, hw) if e["name"] == "near: resident (bytes)"]
    kept = timeline.residency.kept_in(1)
    most = max(event["args"]["value"] for event in samples)
    assert max(program.tensors[index].bytes for index in kept) <= most <= level.resident_bytes


def test_resident_bytes_count_every_tensor_on_chip(step):
    program, timeline, _ = step
    levels = resident_levels(program, timeline, 0)
    assert timeline.residency.on_chip
    assert levels[0].start_cycle >= 0
    assert levels[-1].end_cycle <= timeline.total_cycles
    least = max(program.tensors[index].bytes for index in timeline.residency.on_chip)
    assert (
        least
        <= max(level.value for level in levels)
        <= sum(program.tensors[index].bytes for index in timeline.residency.on_chip)
    )


@pytest.mark.parametrize("most", [1, 7, 30])
def test_folded_levels_keep_their_bytes_and_their_peak(step, most):
    program, timeline, hw = step
    folded = dram_levels(dram_division(timeline.operations, DramModel.of(hw).exact_bytes_per_cycle), most)
    assert len(folded) == most
    assert sum(level.value * (level.end_cycle - level.start_cycle) for level in folded) == pytest.approx(
        timeline.dram_bytes
    )
    whole, resident = resident_levels(program, timeline, 0), resident_levels(program, timeline, 0, most)
    assert len(resident) == most
    assert max(level.value for level in resident) == max(level.value for level in whole)


def test_too_many_slices_and_arrows_keep_the_longest_and_the_last(step):
    program, timeline, hw = step
    length = {t.index: t.end_cycle - t.start_cycle for t in timeline.operations}
    shown = shown_operations(timeline, 10)
    assert sorted(length[i] for i in shown) == sorted(length.values())[-10:]
    slices = operation_slices(program, timeline, hw, shown_operations(timeline))
    assert len(tile_slices(timeline, slices, 5)) == 10 < len(tile_slices(timeline, slices))
    arrows = dependency_arrows(program, timeline.residency.drained, slices, 20)
    targets = [event for event in arrows if event["ph"] == "f"]
    assert len(targets) == 20 == len({(event["tid"], event["ts"]) for event in targets})


def test_the_file_says_how_to_read_it_and_equal_steps_give_equal_bytes(step):
    program, timeline, hw = step
    packed = chrome_trace(program, timeline, hw)
    assert packed == chrome_trace(Program.from_json(program.to_json()), simulate(program, hw), hw)
    assert packed[4:8] == bytes(4)
    content = json.loads(gzip.decompress(packed))
    assert content["otherData"]["time"] == "1 us in the viewer is one clock cycle"
    assert content["traceEvents"] == json.loads(json.dumps(trace_events(program, timeline, hw)))


def test_size_is_bounded_by_operations_not_by_their_length(trace, load):
    """A hundred times the work on a slower clock makes hardly a longer file."""
    program, hw = trace("int8_range_bn"), load("int8_range_bn")
    long = Program(
        program.tensors,
        [replace(op, work=op.work and replace(op.work, elements=100 * op.work.elements)) for op in program.operations],
    )
    short_bytes, long_bytes = (len(chrome_trace(p, simulate(p, hw), hw)) for p in (program, long))
    assert long_bytes < 1.3 * short_bytes


def test_a_big_program_has_bounded_arrows_and_samples(load):
    program, hw = big_program(4_500), load("int8_range_bn")
    packed = chrome_trace(program, simulate(program, hw), hw)
    found = json.loads(gzip.decompress(packed))["traceEvents"]
    assert len(of_kind(found, "C")) <= 5 * (MOST_LEVELS + 1)
    assert len([e for e in of_kind(found, "X") if e["pid"] == DRAM_PROCESS]) <= MOST_LEVELS
    assert len(of_kind(found, "s")) <= 10_000
    assert len(packed) < 150 * len(program.operations)


def big_program(count):
    """A chain in which every operation also reads the two results before the last."""
    tensors = [TensorSpec(i, f"t{i}", (64, 64), integer(8), Role.INTERNAL) for i in range(count + 3)]
    work = Work(4096, 0, 1, integer(8))
    operations = [
        Operation(i, "add", Unit.VECTOR, f"layer{i}", Phase.FORWARD, (i, i + 1, i + 2), (i + 3,), work=work)
        for i in range(count)
    ]
    return Program(tensors, operations)


def test_an_empty_step_has_rows_and_nothing_else(load):
    hw = load("fp32")
    assert {event["ph"] for event in trace_events(Program(), simulate(Program(), hw), hw)} == {"M"}
