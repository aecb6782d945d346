"""Every figure of a summary: its title, how it reads and how it is defined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from accelsim.reports.machines import whose
from accelsim.reports.recomputed import counts_again
from accelsim.reports.result import Result
from accelsim.reports.units import (
    MISSING,
    human_accuracy,
    human_area,
    human_bytes,
    human_count,
    human_energy,
    human_energy_delay,
    human_number,
    human_percent,
    human_rate,
    human_seconds,
    human_throughput,
    human_tops,
    human_tops_per_w,
)
from accelsim.reports.wording import worded


@dataclass(frozen=True)
class SummaryFigure:
    """One entry of ``Result.summary`` as it is shown; title and meaning speak of images and training steps."""

    key: str
    title: str
    human: Callable[[float | None], str]
    meaning: str

    def shown(self, result: Result) -> str:
        """The value as text; "–" where the run has none; of a mean over seeds with its standard deviation."""
        text = self.human(result.summary.get(self.key))
        if result.seeds and self.key in result.seeds.spread:
            text += f" ± {self.human(result.seeds.spread[self.key]).replace(' %', ' pp')}"
        return worded(text, result)


def _per_second(value: float | None) -> str:
    return f"{human_count(value)} images/s" if value is not None else human_count(value)


def _megahertz(value: float | None) -> str:
    return f"{human_number(value)} MHz" if value is not None else human_number(value)


def _whole(value: float | None) -> str:
    return f"{value:,}".replace(",", " ") if isinstance(value, int) else human_number(value)


SUMMARY_FIGURES = (
    SummaryFigure(
        "test_accuracy",
        "Test accuracy",
        human_accuracy,
        "share of right answers on the test images after the last epoch",
    ),
    SummaryFigure("test_loss", "Test loss", human_number, "mean cross-entropy of the test images after the last epoch"),
    SummaryFigure("train_loss", "Train loss", human_number, "mean cross-entropy over the last epoch"),
    SummaryFigure("time_per_step_s", "Time per step", human_seconds, "cycles of one training step ÷ clock"),
    SummaryFigure(
        "samples_per_s", "Images per second", human_throughput, "batch size ÷ time per step, on the accelerator"
    ),
    SummaryFigure("tokens_per_s", "Tokens per second", human_throughput, "tokens of a step ÷ time per step"),
    SummaryFigure(
        "energy_per_step_pj",
        "Energy per step",
        human_energy,
        "compute, SRAM, DRAM and links of one training step",
    ),
    SummaryFigure(
        "energy_low_pj",
        "Energy, low",
        human_energy,
        "with every table at the low end of its sources, which may be the figure above",
    ),
    SummaryFigure("energy_high_pj", "Energy, high", human_energy, "with every table at the high end of its sources"),
    SummaryFigure("energy_static_pj", "Static energy", human_energy, "static power × time, not in the energy above"),
    SummaryFigure(
        "tops_per_w", "Energy efficiency", human_tops_per_w, "2 × MACs ÷ energy per step; static energy not in it"
    ),
    SummaryFigure(
        "energy_delay_product_j_s",
        "Energy-delay product",
        human_energy_delay,
        "energy per step × time per step; static energy not in it",
    ),
    SummaryFigure(
        "model_size_bytes", "Model size", human_bytes, "parameters, statistics and scales as deployed for inference"
    ),
    SummaryFigure("training_memory_bytes", "Training memory", human_bytes, "most bytes alive at once in a step"),
    SummaryFigure(
        "mac_utilisation", "MAC utilisation", human_percent, "MACs done ÷ MACs that all arrays could do in that time"
    ),
    SummaryFigure("achieved_tops", "Compute rate achieved", human_tops, "2 × MACs ÷ time per step: products only"),
    SummaryFigure(
        "peak_tops",
        "Compute rate peak",
        human_tops,
        "2 × MACs that all arrays do in a second, one pass each",
    ),
    SummaryFigure("total_cycles", "Cycles per step", human_count, "first cycle to last cycle of one training step"),
    SummaryFigure(
        "critical_path_compute_share",
        "Critical path computing",
        human_percent,
        "cycles of the step in which the operation that it waits for computes; the rest are stalls",
    ),
    SummaryFigure(
        "weight_product_hidden_share",
        "Weight-gradient products hidden",
        human_percent,
        "1 − cycles by which they lengthen the step ÷ cycles that they take alone",
    ),
    SummaryFigure("machines", "Machines", _whole, "of the cluster, each with its share of the batch"),
    SummaryFigure(
        "scaling_efficiency",
        "Scaling efficiency",
        human_percent,
        "step of one machine alone with the same share of the batch ÷ step of the cluster",
    ),
    SummaryFigure(
        "all_reduce_exposed_share",
        "All-reduce exposed",
        human_percent,
        "cycles by which it lengthens the step ÷ cycles that it takes alone",
    ),
    SummaryFigure("all_reduce_alone_cycles", "All-reduce alone", human_count, "cycles one after the other, unhidden"),
    SummaryFigure(
        "all_reduce_exposed_cycles", "All-reduce, exposed cycles", human_count, "step − step in which it takes no time"
    ),
    SummaryFigure("link_bytes_per_step", "Sent per step", human_bytes, "by each machine of the cluster"),
    SummaryFigure("macs_per_step", "MACs per step", human_count, "multiply-accumulates of one training step"),
    SummaryFigure("images_per_step", "Images per step", _whole, "batch size"),
    SummaryFigure("tokens_per_step", "Tokens per step", _whole, "batch size × length of a sequence"),
    SummaryFigure("dram_bytes_per_step", "DRAM traffic per step", human_bytes, "read and written, off-chip"),
    SummaryFigure("sram_bytes_per_step", "SRAM traffic per step", human_bytes, "read and written, on-chip buffers"),
    SummaryFigure("dram_bandwidth_bytes_per_s", "DRAM bandwidth used", human_rate, "DRAM traffic ÷ time per step"),
    SummaryFigure("dram_peak_bytes_per_s", "DRAM bandwidth peak", human_rate, "what the hwconfig's DRAM offers"),
    SummaryFigure("time_per_epoch_s", "Time per epoch", human_seconds, "simulated hardware, all steps of an epoch"),
    SummaryFigure("energy_per_epoch_pj", "Energy per epoch", human_energy, "simulated hardware, all steps of an epoch"),
    SummaryFigure("area_um2", "Silicon area", human_area, "of multipliers and adders"),
    SummaryFigure("buffer_area_um2", "Buffer area", human_area, "of on-chip buffers"),
    SummaryFigure("clock_mhz", "Clock", _megahertz, "of every unit"),
    SummaryFigure("steps", "Steps run", _whole, "training steps emulated bit by bit"),
    SummaryFigure("epochs", "Epochs", _whole, "passes over the training images"),
    SummaryFigure("seed", "Seed", _whole, "initial weights, order of images, stochastic rounding"),
    SummaryFigure("train_images_per_s", "Emulation speed", _per_second, "on the host, not the accelerator"),
)
"""In the order of tables; the first ones matter most."""

_BY_KEY = {figure.key: figure for figure in SUMMARY_FIGURES}
KEY_FIGURES = tuple(
    _BY_KEY[key]
    for key in (
        "test_accuracy",
        "time_per_step_s",
        "samples_per_s",
        "energy_per_step_pj",
        "tops_per_w",
        "mac_utilisation",
        "model_size_bytes",
        "training_memory_bytes",
    )
)
"""The figures that head the page and the notebook view."""


class ShownFigure(NamedTuple):
    """A figure of a run as text."""

    title: str
    value: str
    meaning: str


def shown_figures(result: Result, figures: Sequence[SummaryFigure] = SUMMARY_FIGURES) -> list[ShownFigure]:
    """Those that the run has, in words that fit it."""
    every = [
        ShownFigure(worded(f.title, result), f.shown(result), worded(f.meaning, result) + _beyond(f.key, result))
        for f in figures
    ]
    return [figure for figure in every if figure.value != MISSING]


def _beyond(key: str, result: Result) -> str:
    """What is to be added to the definition of a figure for this run."""
    return counts_again(key, result) + whose(key, result)


def assumptions_of(result: Result) -> list[str]:
    """The assumptions that the summary lists."""
    listed: list[Any] = result.summary.get("assumptions") or []
    return [str(item) for item in listed]


def warnings_of(result: Result) -> list[str]:
    """What is wrong with the training, as the summary lists it."""
    listed: list[Any] = result.summary.get("warnings") or []
    return [str(item) for item in listed]


def is_complete(result: Result) -> bool:
    """False only where the run says that it was cut short."""
    return result.summary.get("complete") is not False
