"""Runs of a cluster: figures of all machines and of one, faults, and a training that is stopped and goes on."""

from __future__ import annotations

import numpy as np
import pytest

import accelsim
from accelsim.errors import UserError
from accelsim.simulation import stages
from accelsim.simulation.assemble import step_cost
from accelsim.simulation.decides_bits import bits_of
from accelsim.simulation.inputs import read_inputs
from accelsim.timing import simulate
from accelsim.training.checkpoint import read_checkpoint

LINKS = "link_bytes_per_s: 4 GB/s"
WIRED = f"cluster={{machines: 4, {LINKS}, gradient: {{format: int8, rounding: stochastic, scale: delayed}}}}"


@pytest.fixture
def paths(root):
    return root / "hwconfigs" / "int8_range_bn.yaml", root / "workloads" / "digits_cnn.yaml"


@pytest.fixture
def timed(paths):
    def run(*settings):
        return accelsim.simulate(*paths, timing_only=True, settings=settings)

    return run


def test_what_trackers_take_a_step_to_cost_is_what_the_summary_says(paths, timed):
    cluster = f"cluster={{machines: 4, {LINKS}}}"
    inputs, summary = read_inputs(*paths, settings=[cluster]), timed(cluster).summary
    traced = stages.trace(inputs)
    cost = step_cost(inputs, traced, simulate(traced.program, inputs.hw))
    assert cost.seconds == summary["time_per_step_s"]
    assert cost.joules == pytest.approx(summary["energy_per_step_pj"] * 1e-12)


def test_figures_of_all_machines_and_of_one(timed):
    result, alone = timed(f"cluster={{machines: 4, {LINKS}}}"), timed("batch_size=8")
    found, one = result.summary, alone.summary
    assert found["machines"] == 4
    assert found["images_per_step"] == 32
    assert found["macs_per_step"] == 4 * one["macs_per_step"]
    assert found["peak_tops"] == 4 * one["peak_tops"]
    assert found["area_um2"] == 4 * one["area_um2"]
    assert found["samples_per_s"] == pytest.approx(32 / found["time_per_step_s"])
    assert found["energy_per_step_pj"] == pytest.approx(4 * result.layers["energy_pj"].sum())
    assert found["energy_high_pj"] > found["energy_per_step_pj"] > 0.99 * found["energy_low_pj"]
    assert found["training_memory_bytes"] < 2 * one["training_memory_bytes"]
    assert found["scaling_efficiency"] == one["total_cycles"] / found["total_cycles"]
    assert 0.5 < found["scaling_efficiency"] < 1
    links = result.layers[result.layers["unit"] == "link"]
    assert found["link_bytes_per_step"] * 8 * 10 == pytest.approx(links["energy_link_pj"].sum())
    parts = [
        name for name in result.layers if name.startswith("energy_") and name not in ("energy_pj", "energy_random_pj")
    ]
    np.testing.assert_allclose(result.layers[parts].sum(axis=1), result.layers["energy_pj"])
    assert found["all_reduce_exposed_cycles"] <= found["total_cycles"]
    assert any("Of all 4 machines" in text for text in found["assumptions"])
    assert "machines" not in one
    assert "energy_link_pj" not in alone.layers
    assert not any("machines" in text and "Of all" in text for text in one["assumptions"])


def test_one_machine_is_no_cluster(timed):
    one, plain = timed(f"cluster={{machines: 1, {LINKS}, gradient: int8}}"), timed()
    assert one.summary["scaling_efficiency"] == 1
    assert one.summary["all_reduce_exposed_share"] is None
    shared = plain.summary.keys() - {"assumptions", "warnings"}
    assert {name: one.summary[name] for name in shared} == {name: plain.summary[name] for name in shared}
    assert one.operations.equals(plain.operations)


def test_narrower_gradients_send_less(timed):
    sent = {}
    for topology in ("ring", "switch"):
        for wire in ("", ", gradient: bf16", ", gradient: {format: int8, scale: delayed}"):
            section = f"cluster={{machines: 4, topology: {topology}, {LINKS}{wire}}}"
            sent[topology, wire] = timed(section).summary["link_bytes_per_step"]
    narrow = [[size for (place, _), size in sent.items() if place == name] for name in ("ring", "switch")]
    assert narrow[0] == sorted(narrow[0], reverse=True)
    assert narrow[1][0] == pytest.approx(2 * narrow[1][1], rel=0.01)
    assert narrow[1][0] == pytest.approx(4 * narrow[1][2], rel=0.01)
    # Partial sums on a ring are wide, so bytes fall by less.
    assert narrow[0][0] < 2 * narrow[0][1]


def test_a_batch_that_cannot_be_shared_out(paths, tmp_path):
    workload = tmp_path / "digits.yaml"
    workload.write_text(paths[1].read_text(encoding="utf-8"), encoding="utf-8")
    cluster, five = (
        f"cluster={{machines: 5, {LINKS}}}",
        "32 can't be shared out to 5 machines; allowed: multiples of 5,",
    )
    four = read_inputs(paths[0], workload, settings=[cluster.replace("5,", "4,")]).hw
    several = four.model_copy(update={"cluster": four.cluster.model_copy(update={"machines": 5})})
    with pytest.raises(UserError, match=rf"digits.yaml:\d+:\d+: .* {five}"):
        read_inputs(several, workload)
    with pytest.raises(UserError, match=rf"^--set cluster=.*: machines: found 5, but batch_size {five}"):
        read_inputs(paths[0], workload, settings=[cluster])
    with pytest.raises(UserError, match=r"4 machines in micro_batches; allowed: multiples of 64"):
        read_inputs(paths[0], workload, settings=[f"cluster={{machines: 4, {LINKS}}}", "micro_batches=16"])


def test_a_topology_exchanges_nothing(paths, tmp_path):
    topology = tmp_path / "gemm.csv"
    topology.write_text("Layer, M, N, K,\nfirst, 8, 8, 8,\n", encoding="utf-8")
    cluster = f"cluster={{machines: 4, {LINKS}}}"
    said = "machines: found 4, but .* gemm is a topology, which exchanges no gradients; allowed: 1, or no cluster"
    with pytest.raises(UserError, match=said):
        read_inputs(paths[0], topology, settings=[cluster])
    with pytest.raises(UserError, match="has a cluster, and gemm is a topology"):
        read_inputs(read_inputs(*paths, settings=[cluster]).hw, topology)


def test_a_norm_over_one_value_says_what_to_do(root):
    settings = [f"cluster={{machines: 32, {LINKS}}}", "network.layers=[flatten, batch_norm, linear: {units: 10}]"]
    with pytest.raises(UserError, match="normalises over 1 value per channel"):
        accelsim.simulate(
            root / "hwconfigs" / "int8_range_bn.yaml", root / "workloads" / "digits_cnn.yaml", timing_only=True,
            settings=settings,
        )  # fmt: skip


def test_what_decides_a_bit(paths):
    def bits(section):
        return bits_of(read_inputs(*paths, settings=[f"cluster={section}"] if section else []).hw)

    plain = bits("")
    assert bits(f"{{machines: 1, {LINKS}, gradient: int8}}") == plain
    assert "cluster" not in plain
    four = bits(f"{{machines: 4, {LINKS}}}")
    assert four != plain
    assert four == bits("{machines: 4, link_bytes_per_s: 9 GB/s, topology: switch, bucket_bytes: 4 KiB}")
    assert (
        four != bits(f"{{machines: 4, {LINKS}, gradient: int8}}") != bits(f"{{machines: 2, {LINKS}, gradient: int8}}")
    )


def test_stopped_resumed_and_evaluated(paths, tmp_path):
    settings = [WIRED, "numerics.activation={format: int8, scale: delayed, rounding: stochastic}"]
    whole = accelsim.simulate(*paths, out=tmp_path / "whole", steps=12, settings=settings)
    for steps in (5, 12):
        accelsim.simulate(*paths, out=tmp_path / "parts", steps=steps, resume=steps == 12, settings=settings)
    found = [read_checkpoint(tmp_path / name / "checkpoint.safetensors") for name in ("whole", "parts")]
    first, second = ({name: value.tobytes() for name, value in each.state.items()} for each in found)
    assert first == second
    assert found[0].scales == found[1].scales
    assert "conv2d1.input.machine4" in found[0].scales.history
    assert found[0].progress.rows[-1] == found[1].progress.rows[-1]
    assert not whole.quantisers["tensor"].str.contains("machine").any()
    evaluated = accelsim.evaluate(tmp_path / "whole")
    assert evaluated.test_accuracy == whole.summary["test_accuracy"]
    again = {"out": tmp_path / "whole", "steps": 12, "resume": True, "force": True}
    with pytest.raises(UserError, match="belongs to another run"):
        accelsim.simulate(*paths, settings=settings[1:], **again)
    faster = accelsim.simulate(*paths, settings=[*settings, "cluster.link_bytes_per_s=400 GB/s"], **again)
    assert faster.summary["total_cycles"] < whole.summary["total_cycles"]
    assert faster.summary["test_accuracy"] == whole.summary["test_accuracy"]


@pytest.mark.slow
def test_learns_the_digits(paths):
    """As one machine does with the same batches, see ``test_determinism``."""
    result = accelsim.simulate(*paths, epochs=3, settings=[WIRED])
    assert result.summary["test_accuracy"] >= 0.95
