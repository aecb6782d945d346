"""A run says what its numerics ask for and the step doesn't have."""

import pytest

import accelsim
from accelsim.progress import Observer
from accelsim.simulation.unread import unread_choices


def warned(root, *settings):
    hwconfig, workload = root / "hwconfigs" / "nvfp4.yaml", root / "workloads" / "digits_cnn.yaml"
    return accelsim.simulate(hwconfig, workload, timing_only=True, settings=settings).summary["warnings"]


def test_a_transform_that_no_batch_is_large_enough_for(root):
    assert warned(root) == []
    (message,) = warned(root, "micro_batches=4")
    assert "fewer than 16 samples" in message
    assert warned(root, "micro_batches=4", "numerics.weight_gradient_hadamard=null") == []


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("numerics.activation={format: nvfp4, random_bits: 4}", "numerics.activation.random_bits: 4 decides nothing"),
        ("numerics.activation.random_source=lfsr", "numerics.activation.random_source: lfsr decides nothing"),
        ("numerics.activation.history=4", "as scale is current, not delayed"),
        ("schedule={kind: step, factor: 0.5}", "schedule.kind: step decides nothing, as schedule.milestones is empty"),
        (
            "dram={model: bandwidth, standard: HBM2-2000, bandwidth_bytes_per_s: 1 GB/s, energy_pj_per_bit: 4}",
            "dram.standard: HBM2-2000 is a label and decides nothing",
        ),
        ("numerics.layers=[{match: first, activation: {format: nvfp4, history: 4}}]", "numerics.layers.0.activation"),
        ("cluster={machines: 2, link_bytes_per_s: 1e9, gradient: {format: bf16, random_bits: 8}}", "cluster.gradient"),
    ],
)
def test_a_choice_that_another_makes_nothing_of(root, setting, expected):
    (message,) = warned(root, setting)
    assert expected in message


@pytest.mark.parametrize(
    "choices", ["rounding: stochastic, random_bits: 4, random_source: lfsr", "scale: delayed, history: 4"]
)
def test_choices_that_decide_bits_are_not_warned_of(root, choices):
    assert warned(root, f"numerics.activation={{format: nvfp4, {choices}}}") == []


def test_shipped_machines_choose_nothing_in_vain(root):
    for path in sorted((root / "hwconfigs").glob("*.yaml")):
        assert unread_choices(accelsim.load_hwconfig(path)) == [], path.name


def test_it_is_said_before_the_training(root):
    said = []

    class Listener(Observer):
        def say(self, text):
            said.append(text)

        def start(self, task, total, unit, done=0):
            said.append(task)

    files = root / "hwconfigs" / "int8_range_bn.yaml", root / "workloads" / "digits_cnn.yaml"
    accelsim.simulate(*files, settings=["numerics.weight.history=4"], steps=1, observer=Listener())
    text = "warning: numerics.weight.history: 4 decides nothing, as scale is current, not delayed"
    assert said.index(text) < said.index("train")
