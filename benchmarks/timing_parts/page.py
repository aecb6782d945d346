"""The report: what the commands take, what the simulation in them takes, and SCALE-Sim beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from timing_parts.clock import Command, Seconds

PAGE = """# Speed of the timing simulation

`make bench-scalesim` writes this page: it gives SCALE-Sim 3.0.0 (with NumPy 2.2.6, the last that it runs on) an
environment of its own, and runs all one after the other, in about ten minutes. Times are wall times unless a column
says otherwise. Machine: {machine}.

## ResNet-50, 224 x 224, batch {batch}, one whole training step on `int8_range_bn`

{operations:,} operations: forward, both gradients, normalisation, pooling, quantisation, update.

```sh
accelsim simulate hwconfigs/int8_range_bn.yaml workloads/imagenet_resnet50.yaml --timing-only --set batch={batch}
```

| the whole command, as one types it | seconds | CPU seconds |
|---|---|---|
| with compiled loops on the disk, median of {rounds} | {step_wall.later:.2f} | {step_cpu.later:.2f} |
| the first ever, which compiles them | {step_wall.first:.2f} | {step_cpu.first:.2f} |

The command imports the package, traces, simulates, finds the critical path with a second simulation, and writes
tables, page and trace. Of it, in a process of its own:

| | first call of a process | later calls, median of {later} |
|---|---|---|
| trace (network to Program) | {trace.first:.3f} s | {trace.later:.3f} s |
| simulate (Program to Timeline) | {simulate.first:.3f} s | {simulate.later:.3f} s |

The first call loads the compiled loops from the disk. Peak memory of that process is {peak_mib:.0f} MiB. With every
tile an event (`skip=False`) `simulate` takes {events:.1f} s, {events_ratio:.0f} times as long, and {same} Timeline.

## ResNet-18, one image, 32 x 32 array, weight stationary, 64 kB buffers

SCALE-Sim's own `Resnet18.csv` and `scale.cfg` (CALC mode); SCALE-Sim is driven layer by layer and writes no traces,
which is faster than its command line: {peer:.1f} s for the layers, {peer_process:.1f} s for its process.

| accelsim | seconds | CPU seconds | SCALE-Sim takes | its |
|---|---|---|---|---|
| warm: topology file to cycles, median of {later} later calls | {file.later:.4f} | | {warm:,.0f} x | layers |
| the same, first call of a process | {file.first:.4f} | | {first:,.0f} x | layers |
| whole command, loops on disk, median of {rounds} | {wall.later:.2f} | {cpu.later:.2f} | {disk:,.0f} x | process |
| whole command, first ever, which compiles | {wall.first:.2f} | {cpu.first:.2f} | {cold:,.0f} x | process |

Compute cycles are the same in {equal} of {layers} layers: {cycles:,}, where SCALE-Sim reports one less for each layer,
the index of the last cycle. The two do different work for it: SCALE-Sim makes the addresses of every cycle, accelsim
adds up closed forms and simulates tiles. Most of a command is the start of Python, the loading or making of compiled
loops, and the reports.
"""


@dataclass(frozen=True)
class Measured:
    """All that the page says; ``step`` and ``peer`` are what the processes printed."""

    machine: str
    batch: int
    rounds: int
    step: dict[str, Any]
    step_command: Command
    peer: dict[str, Any]
    file: Seconds
    command: Command
    cycles: list[int]


def page(found: Measured) -> str:
    """The report as Markdown."""
    step, theirs = found.step, found.peer
    simulate = Seconds(*step["simulate"])
    return PAGE.format(
        **vars(found) | {"peer": theirs["seconds"], "cycles": sum(found.cycles)},
        later=max(1, found.rounds - 1),
        operations=step["operations"],
        trace=Seconds(*step["trace"]),
        simulate=simulate,
        peak_mib=step["peak_kib"] / 1024,
        events=step["events"],
        events_ratio=step["events"] / simulate.later,
        same="gives the very same" if step["same"] else "DOES NOT GIVE THE SAME",
        peer_process=theirs["process_seconds"],
        step_wall=found.step_command.wall,
        step_cpu=found.step_command.cpu,
        wall=found.command.wall,
        cpu=found.command.cpu,
        warm=theirs["seconds"] / found.file.later,
        first=theirs["seconds"] / found.file.first,
        disk=theirs["process_seconds"] / found.command.wall.later,
        cold=theirs["process_seconds"] / found.command.wall.first,
        equal=sum(a == b + 1 for a, b in zip(found.cycles, theirs["cycles"], strict=True)),
        layers=len(found.cycles),
    )
