"""What decides a bit stops a resumed run, and what doesn't goes on with the same bits."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

import accelsim
from accelsim.datapath import Datapath, NumpyKernels
from accelsim.errors import UserError
from accelsim.hardware import load_hwconfig
from accelsim.networks import load_workload
from accelsim.progress import Observer
from accelsim.simulation.decides_bits import bits_of, brought_up, deciding_fields
from accelsim.simulation.inputs import read_inputs
from accelsim.simulation.stages import first_checkpoint, trace
from accelsim.training import initial_state
from accelsim.training.changes import changed_fields

NAME = "checkpoint.safetensors"
WORKLOAD = """
name: tiny
dataset: {kind: digits}
batch_size: 16
epochs: 1
optimizer: {kind: sgd, learning_rate: 0.1}
loss: {}
network:
  input_shape: [8, 8, 1]
  classes: 10
  layers: [conv2d: {filters: 6, kernel: 3}, relu, flatten, linear: {units: 10}]
"""
SATURATING = [
    "mac_array.overflow=saturate",
    "mac_array.accumulators={forward: int17, data_gradient: int17, weight_gradient: int24}",
]
NARROW = ["mac_array.accumulators={forward: bf16, data_gradient: bf16, weight_gradient: bf16}"]
CHUNKS = ["mac_array.accumulate_chunk=4"]
ROWS, STATIONARY = ["mac_array.rows=8"], ["mac_array.dataflow=os"]
OTHERS = ["mac_array.columns=8", "mac_array.count=2", "mac_array.cycles_per_mac=2", "mac_array.tiling=search"]
SAME = {
    "integers that wrap": ("int8_range_bn", [], [*ROWS, *STATIONARY, *OTHERS]),
    "wider multipliers of integers that wrap": ("int8_range_bn", [], ["mac_array.operand=int16"]),
    "what no order of saturating additions sees": ("int8_range_bn", SATURATING, OTHERS),
    "the other dataflow of equal runs": ("int8_range_bn", SATURATING, ["mac_array.dataflow=is"]),
    "rows that hold one sum": ("int8_range_bn", [*SATURATING, *STATIONARY], ROWS),
    "fp32": ("fp32", [], [*ROWS, *STATIONARY]),
    "chunks": ("fp32", [*NARROW, *CHUNKS], [*ROWS, *STATIONARY]),
    "lanes of the norm unit": ("int8_range_bn", [], ["norm_unit.lanes=128"]),
    "overflow of floats": ("fp32", [], ["mac_array.overflow=saturate"]),
}
OTHER_BITS = {
    "the order of saturating additions": ("int8_range_bn", SATURATING, ROWS, "mac_array.addition (runs of 64 there"),
    "one sum": ("int8_range_bn", SATURATING, STATIONARY, "mac_array.addition (runs of 64 there, one sum here)"),
    "passes": ("int8_range_bn", SATURATING, ["mac_array.operand=int16"], "mac_array.operand (int8 there"),
    "overflow": ("int8_range_bn", SATURATING, ["mac_array.overflow=wrap"], "mac_array.overflow (saturate there"),
    "accumulators": ("int8_range_bn", [], [SATURATING[1]], "mac_array.accumulators.forward (int32 there"),
    "the order of narrow floats": ("fp32", NARROW, ROWS, "mac_array.addition ("),
    "chunks": ("fp32", [*NARROW, *CHUNKS], ["mac_array.accumulate_chunk=8"], "mac_array.accumulate_chunk (4 there"),
}


def machine_of(root, machine, settings):
    common = ["mac_array.dataflow=ws", "mac_array.rows=64", "quantise_unit={lanes: 64}"]
    return load_hwconfig(root / "hwconfigs" / f"{machine}.yaml", [*common, *settings])


def bits_after_two_steps(hw, workload):
    """Bytes of all that a training keeps."""
    network, size = workload.build(), workload.batch_size
    parameters = network.trace(hw.recipe(), workload.optimizer, size).parameters
    state = initial_state(parameters, 1)
    machine = Datapath(hw.recipe(), state, seed=1, kernels=NumpyKernels())
    rng = np.random.Generator(np.random.PCG64(3))
    images, labels = rng.normal(size=(size, 8, 8, 1)).astype("float32"), rng.integers(0, 10, size).astype("uint16")
    for step in range(2):
        machine.begin_step(step, training=True, learning_rate=0.1)
        network.train_step(machine, workload.optimizer, images, labels, size)
    return {name: np.asarray(value).tobytes() for name, value in state.items()}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    path = tmp_path_factory.mktemp("workload") / "tiny.yaml"
    path.write_text(WORKLOAD)
    return load_workload(path)


@pytest.mark.parametrize(("machine", "settings", "change"), SAME.values(), ids=SAME)
def test_what_is_no_part_of_a_run_decides_no_bit(root, tiny, machine, settings, change):
    first, second = (machine_of(root, machine, chosen) for chosen in (settings, [*settings, *change]))
    assert first != second
    assert read_inputs(first, tiny).fingerprint == read_inputs(second, tiny).fingerprint
    assert bits_after_two_steps(first, tiny) == bits_after_two_steps(second, tiny)


@pytest.mark.parametrize(("machine", "settings", "change", "named"), OTHER_BITS.values(), ids=OTHER_BITS)
def test_what_decides_a_bit_is_part_of_a_run(root, tiny, machine, settings, change, named):
    first, second = (machine_of(root, machine, chosen) for chosen in (settings, [*settings, *change]))
    assert bits_after_two_steps(first, tiny) != bits_after_two_steps(second, tiny)
    before, after = (read_inputs(hw, tiny) for hw in (first, second))
    assert before.fingerprint != after.fingerprint
    assert named in changed_fields(before.described["hwconfig"], after.described["hwconfig"])


def test_a_run_goes_on_on_another_array_with_the_same_bits(root, tiny, tmp_path):
    first, second = (machine_of(root, "int8_range_bn", settings) for settings in ([], ROWS))
    accelsim.simulate(first, tiny, steps=2, out=tmp_path / "whole")
    accelsim.simulate(first, tiny, steps=1, out=tmp_path / "run")
    with pytest.raises(UserError, match=r"another hwconfig: mac_array\.rows \(64 there, 8 here\)"):
        accelsim.simulate(second, tiny, steps=1, out=tmp_path / "run", resume=True)
    resume_older(tmp_path / "run", first, read_inputs(second, tiny))
    accelsim.simulate(second, tiny, steps=2, out=tmp_path / "run", resume=True, force=True)
    assert tensors(tmp_path / "run") == tensors(tmp_path / "whole")
    saturating = machine_of(root, "int8_range_bn", SATURATING)
    with pytest.raises(UserError, match=r"mac_array\.overflow \(wrap there, saturate here\)"):
        accelsim.simulate(saturating, tiny, steps=3, out=tmp_path / "run", resume=True, force=True)


def resume_older(folder, hw, inputs):
    """Go on from a checkpoint that holds the whole array, as all of them did once."""
    older = folder.parent / "older"
    older.mkdir()
    shutil.copy(folder / NAME, older / NAME)
    hold_the_whole_array(older / NAME, hw)
    found = first_checkpoint(inputs, trace(inputs), older, Observer())
    assert (found.progress.step, found.fingerprint) == (1, inputs.fingerprint)


def tensors(folder):
    return {name: value.tobytes() for name, value in safetensors.numpy.load_file(folder / NAME).items()}


def hold_the_whole_array(path, hw):
    with safetensors.safe_open(path, framework="numpy") as file:
        described = json.loads(file.metadata()["accelsim"])
    del described["crc32"]
    described["run"]["hwconfig"]["mac_array"] = hw.mac_array.model_dump(mode="json", exclude_none=True)
    described["fingerprint"] = "of then"
    safetensors.numpy.save_file(safetensors.numpy.load_file(path), path, {"accelsim": json.dumps(described)})


@given(
    rows=st.integers(1, 99),
    dataflow=st.sampled_from(["os", "ws", "is"]),
    overflow=st.sampled_from(["wrap", "saturate"]),
    operand=st.sampled_from(["int4", "int8", "int16"]),
)
def test_descriptions_agree_with_what_the_datapath_reads(root, rows, dataflow, overflow, operand):
    settings = {"rows": rows, "dataflow": dataflow, "overflow": overflow, "operand": operand}
    hw = load_hwconfig(
        root / "hwconfigs" / "int8_range_bn.yaml", [f"mac_array.{name}={value}" for name, value in settings.items()]
    )
    found, recipe = bits_of(hw)["mac_array"], hw.recipe()
    assert found["overflow"] == recipe.overflow
    order = {"wrap": None, "saturate": "one sum" if recipe.order == "sequential" else f"runs of {recipe.order}"}
    assert found.get("addition") == order[overflow]
    whole = {"hwconfig": {**bits_of(hw), "mac_array": hw.mac_array.model_dump(mode="json", exclude_none=True)}}
    assert brought_up(whole) == {"hwconfig": bits_of(hw)}
    assert brought_up(brought_up(whole)) == brought_up(whole)
    kept = hw.mac_array.model_dump(include=deciding_fields(hw)["mac_array"])
    assert ("rows" in kept) == ("dataflow" in kept) == (overflow == "saturate")
    assert ("operand" in kept) == (overflow == "saturate" and recipe.slice_bits < 16)
