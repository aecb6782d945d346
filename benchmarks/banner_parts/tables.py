"""Tables of the evaluation."""

from __future__ import annotations

from collections.abc import Sequence

from report_page import Table

from banner_parts.costs import MACHINES, Cost
from banner_parts.results import Result


def accuracy_table(title: str, about: str, results: Sequence[Result], costs: dict[str, Cost]) -> Table:
    """Mean and spread over the seeds, and what a step costs on that machine."""
    header = ["setting", "seeds", "accuracy, %", "spread", "to float32"]
    header += ["Mcycles / step", "mJ / step", "model kB", "s to train here", "options"]
    reference = next((r for r in results if r.setting.key == "fp32"), None)
    rows = []
    for result in results:
        off = "-" if reference in (None, result) else f"{result.accuracy - reference.accuracy:+.2f}"
        accuracy = f"{result.accuracy:.2f}" + (f" ({result.diverged} diverged)" if result.diverged else "")
        cost = costs[result.setting.key]
        rows.append(
            [
                result.setting.name,
                str(result.count),
                accuracy,
                f"{result.spread:.2f}",
                off,
                f"{cost['total_cycles'] / 1e6:.1f}",
                f"{cost['energy_per_step_pj'] / 1e9:.0f}",
                f"{cost['model_size_bytes'] / 1e3:.0f}",
                f"{result.seconds:.0f}",
                " ".join(f"`{option}`" for option in result.setting.options) or f"`{result.setting.hwconfig}`",
            ]
        )
    return Table(title, about, header, rows, numeric=range(1, len(header) - 1))


def cost_table(title: str, about: str, costs: Sequence[Cost]) -> Table:
    """Size, memory, cycles, time and energy of a step; how many times less than the float machine of that network."""
    header = ["network", "machine", "batch", "model MB", "training MB", "Mcycles", "ms", "mJ", "mm2"]
    header += ["smaller", "faster", "less energy"]
    rows = []
    for cost in costs:
        reference = next(c for c in costs if c.network == cost.network and c.machine.key == MACHINES[0])
        share = cost.against(reference)
        rows.append(
            [
                cost.network,
                cost.machine.name,
                f"{cost['images_per_step']:.0f}",
                f"{cost['model_size_bytes'] / 1e6:.2f}",
                f"{cost['training_memory_bytes'] / 1e6:.1f}",
                f"{cost['total_cycles'] / 1e6:,.1f}",
                f"{1e3 * cost['time_per_step_s']:,.1f}",
                f"{cost['energy_per_step_pj'] / 1e9:,.0f}",
                f"{(cost['area_um2'] + cost['buffer_area_um2']) / 1e6:.1f}",
                f"{1 / share['model_size_bytes']:.2f}x",
                f"{1 / share['time_per_step_s']:.2f}x",
                f"{1 / share['energy_per_step_pj']:.2f}x",
            ]
        )
    return Table(title, about, header, rows, numeric=range(2, len(header)))
