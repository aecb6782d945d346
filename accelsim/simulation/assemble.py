"""From program, timeline and training to the Result that reports show."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pandas as pd

from accelsim.energy import ASSUMPTIONS as ENERGY_ASSUMPTIONS
from accelsim.energy import (
    area_um2,
    buffer_area_um2,
    dram_figures,
    energy_band,
    estimates,
    memory_rows,
    static_energy_pj,
    traffic_rows,
)
from accelsim.energy.table import layer_rows
from accelsim.hardware import HardwareConfig
from accelsim.networks import Topology, Traced
from accelsim.reports.notebook import NotebookResult
from accelsim.reports.result import Result
from accelsim.reports.schema import LOSS_SCALE_METRICS, MEMORIES, TRAFFIC, TRAINING_METRICS
from accelsim.simulation.cluster_figures import cluster_assumptions, cluster_figures
from accelsim.simulation.efficiency import efficiency, throughput
from accelsim.simulation.idle import what_differs
from accelsim.simulation.inputs import Inputs
from accelsim.simulation.mapping_table import mapping_table
from accelsim.simulation.model_size import model_size, readers
from accelsim.simulation.recorded import foreseen, left_out, recorded_tables, warnings
from accelsim.simulation.roofline_table import roofline_table
from accelsim.simulation.step_analysis import analyse_step, hanging_figures
from accelsim.simulation.tensor_table import tensor_table
from accelsim.timing import ASSUMPTIONS as TIMING_ASSUMPTIONS
from accelsim.timing import SERIAL_ASSUMPTION, DramModel, Timeline
from accelsim.timing.analysis.training_memory import training_memory_bytes
from accelsim.timing.planned_step import PlannedStep
from accelsim.training import Training
from accelsim.training.datasets import Dataset
from accelsim.training.trackers import StepCost

PACKAGES = ("accelsim", "numpy", "numba", "simpy", "pydantic", "pandas", "plotly", "safetensors")


def assemble(
    inputs: Inputs,
    traced: Traced,
    planned: PlannedStep,
    timeline: Timeline,
    training: Training | None,
    dataset: Dataset | None,
) -> Result:
    """Tables and summary of one run."""
    layers = pd.DataFrame(layer_rows(traced.program, timeline, inputs.hw))
    step = analyse_step(planned, timeline, inputs.hw)
    sizes = _sizes(inputs, traced)
    rows = training.checkpoint.progress.rows if training else []
    scales_loss = LOSS_SCALE_METRICS if inputs.recipe.loss_scale is not None else []
    metrics = pd.DataFrame(rows, columns=[*TRAINING_METRICS, *scales_loss]).astype(float)
    recorded = recorded_tables(training)
    summary = {
        "hwconfig": inputs.hw.name,
        "workload": inputs.workload.name,
        **_learned(metrics, training),
        **_step_figures(inputs, traced, timeline, layers),
        **step.figures,
        **cluster_figures(inputs, planned, timeline),
        **_model_figures(sizes),
        **_epoch_figures(inputs, timeline, layers, dataset),
        "warnings": [
            *foreseen(inputs, traced.program),
            *left_out(inputs, traced.program),
            *warnings(inputs, rows, recorded, dataset),
        ],
        "seed": getattr(inputs.workload, "seed", None),
        **_machine_figures(inputs, planned),
        "complete": True,
        "assumptions": _assumptions(inputs, planned),
    }
    return NotebookResult(
        hwconfig=inputs.hw.model_dump(mode="json"),
        workload=inputs.workload.model_dump(mode="json"),
        summary=summary,
        layers=layers,
        metrics=metrics.astype(dict.fromkeys(["step", *scales_loss[1:]], int)),
        dtypes=tensor_table(traced.program, inputs.recipe, timeline.residency.where),
        model_size=sizes,
        versions=versions(),
        operations=step.operations,
        mapping=mapping_table(traced.program, timeline, planned.hw),
        traffic=pd.DataFrame(traffic_rows(traced.program, timeline, inputs.hw), columns=TRAFFIC),
        memories=pd.DataFrame(memory_rows(timeline, inputs.hw), columns=MEMORIES),
        roofline=roofline_table(traced.program, timeline, inputs.hw),
        trace=step.trace,
        seeds=None,
        runs_as=None if planned.hw == inputs.hw else planned.hw.model_dump(mode="json"),
        **recorded,
    )


def timed_summary(inputs: Inputs, traced: Traced, planned: PlannedStep, timeline: Timeline) -> dict[str, Any]:
    """What the summary says of a step, without the tables and the trace, which take longer than the step itself."""
    layers = pd.DataFrame(layer_rows(traced.program, timeline, inputs.hw))
    return {
        "hwconfig": inputs.hw.name,
        "workload": inputs.workload.name,
        **_step_figures(inputs, traced, timeline, layers),
        **hanging_figures(planned, timeline),
        **cluster_figures(inputs, planned, timeline),
        **_model_figures(_sizes(inputs, traced)),
        "warnings": [*foreseen(inputs, traced.program), *left_out(inputs, traced.program)],
        "seed": getattr(inputs.workload, "seed", None),
        **_machine_figures(inputs, planned),
        "assumptions": _assumptions(inputs, planned),
    }


def step_cost(inputs: Inputs, traced: Traced, timeline: Timeline) -> StepCost:
    """What the summary says that a step takes."""
    layers = pd.DataFrame(layer_rows(traced.program, timeline, inputs.hw))
    return StepCost(timeline.seconds(inputs.hw.clock_mhz), _energy_pj(inputs.hw, layers) * 1e-12)


def _sizes(inputs: Inputs, traced: Traced) -> pd.DataFrame:
    return model_size(traced.parameters, inputs.recipe, readers(traced.program))


def _model_figures(sizes: pd.DataFrame) -> dict[str, Any]:
    return {"model_size_bytes": int(sizes["bytes"].sum())}


def _machine_figures(inputs: Inputs, planned: PlannedStep) -> dict[str, Any]:
    """``runs_as`` is there where the machine leaves idle what it has beyond another one."""
    runs_as = {} if planned.hw == inputs.hw else {"runs_as": planned.hw.name}
    return {
        **runs_as,
        "area_um2": inputs.hw.machines * sum(area_um2(inputs.hw).values()),
        "buffer_area_um2": inputs.hw.machines * buffer_area_um2(inputs.hw),
        "clock_mhz": inputs.hw.clock_mhz,
    }


def _assumptions(inputs: Inputs, planned: PlannedStep) -> list[str]:
    """Those of this machine's own figures come first, where a page has them open."""
    general = [*TIMING_ASSUMPTIONS, *ENERGY_ASSUMPTIONS, *cluster_assumptions(inputs)]
    serial = [SERIAL_ASSUMPTION] if planned.hw.serial else []
    return [*estimates(inputs.hw), *_idle(inputs, planned), *serial, *general]


def _idle(inputs: Inputs, planned: PlannedStep) -> list[str]:
    """What to say of a machine that runs as one with less."""
    if planned.hw == inputs.hw:
        return []
    beyond = what_differs(planned.hw, inputs.hw)
    return [f"It runs as {planned.hw.name}, and what it has beyond that machine stays idle: {beyond}."]


def versions() -> dict[str, str]:
    """What ran: Python and the packages that can change a result."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _learned(metrics: pd.DataFrame, training: Training | None) -> dict[str, Any]:
    if training is None or metrics.empty:
        return {
            "train_loss": None,
            "test_accuracy": None,
            "test_loss": None,
            "steps": None,
            "epochs": None,
            "train_images_per_s": None,
            "backend": None,
        }
    last_epoch = metrics[metrics["epoch"] > metrics["epoch"].iloc[-1] - 1]
    return {
        "train_loss": float(last_epoch["train_loss"].mean()),
        "test_accuracy": float(metrics["test_accuracy"].iloc[-1]),
        "test_loss": float(metrics["test_loss"].iloc[-1]),
        "steps": training.checkpoint.progress.step,
        "epochs": float(metrics["epoch"].iloc[-1]),
        "train_images_per_s": training.train_images_per_s,
        "backend": training.backend,
    }


def _step_figures(inputs: Inputs, traced: Traced, timeline: Timeline, layers: pd.DataFrame) -> dict[str, Any]:
    hw, seconds = inputs.hw, timeline.seconds(inputs.hw.clock_mhz)
    dram_bytes, energy_pj = int(layers["dram_bytes"].sum()), _energy_pj(hw, layers)
    samples, tokens, macs = inputs.workload.batch_size, _tokens(inputs), hw.machines * traced.program.macs
    read_bytes, write_bytes = int(layers["dram_read_bytes"].sum()), int(layers["dram_write_bytes"].sum())
    return {
        "total_cycles": timeline.total_cycles,
        "time_per_step_s": seconds,
        **throughput(samples, tokens, seconds),
        **efficiency(hw, macs, seconds, energy_pj),
        "energy_per_step_pj": energy_pj,
        **_of_all(hw, energy_band(traced.program, timeline, hw)),
        **_of_all(hw, {"energy_static_pj": static_energy_pj(hw, seconds)}),
        "training_memory_bytes": training_memory_bytes(traced.program, timeline),
        "dram_bytes_per_step": dram_bytes,
        "sram_bytes_per_step": int(layers["sram_bytes"].sum()),
        "dram_bandwidth_bytes_per_s": dram_bytes / seconds,
        "dram_peak_bytes_per_s": DramModel.of(hw).bytes_per_cycle * hw.clock_mhz * 1e6,
        **_of_all(hw, dram_figures(hw, read_bytes, write_bytes, seconds)),
        "mac_utilisation": traced.program.macs / (timeline.total_cycles * hw.mac_array.macs_per_cycle),
        "macs_per_step": macs,
        "images_per_step": samples,
        "tokens_per_step": tokens,
    }


def _energy_pj(hw: HardwareConfig, layers: pd.DataFrame) -> float:
    """Of a step, on all machines."""
    return hw.machines * float(layers["energy_pj"].sum())


def _of_all(hw: HardwareConfig, energies_pj: Mapping[str, float | None]) -> dict[str, float | None]:
    """Energies of one machine, for all of a cluster."""
    return {name: None if energy is None else hw.machines * energy for name, energy in energies_pj.items()}


def _tokens(inputs: Inputs) -> int | None:
    """Tokens of a step, or None where samples are no texts."""
    workload = inputs.workload
    length = None if isinstance(workload, Topology) else workload.network.tokens
    return workload.batch_size * length if length else None


def _epoch_figures(
    inputs: Inputs, timeline: Timeline, layers: pd.DataFrame, dataset: Dataset | None
) -> dict[str, float | None]:
    if dataset is None:
        return {"time_per_epoch_s": None, "energy_per_epoch_pj": None}
    steps = len(dataset.train) // inputs.workload.batch_size
    return {
        "time_per_epoch_s": steps * timeline.seconds(inputs.hw.clock_mhz),
        "energy_per_epoch_pj": steps * _energy_pj(inputs.hw, layers),
    }
