"""Layers with numerics of their own in whole runs: what follows from the recorded step, and what a run keeps."""

from __future__ import annotations

import pandas as pd
import pytest

import accelsim
from accelsim.errors import UserError
from accelsim.simulation.decides_bits import bits_of
from accelsim.simulation.inputs import read_inputs
from accelsim.simulation.stages import trace
from accelsim.training.checkpoint import read_checkpoint

ENDS = ["numerics.layers=[{match: [first, last], weight: int8, activation: int8}]"]
FOUR_BITS = ["numerics.weight=int4", "numerics.activation=int4"]


@pytest.fixture
def files(root):
    return root / "hwconfigs" / "int8_range_bn.yaml", root / "workloads" / "digits_cnn.yaml"


def timed(files, *settings):
    return accelsim.simulate(*files, settings=[*FOUR_BITS, *settings], timing_only=True)


def test_model_size_has_a_row_for_each_format(files):
    rows = timed(files, *ENDS).model_size.query("`class` == 'weight'").set_index("format")["bytes"].to_dict()
    assert rows == {"int8": 9 * 16 + 512 * 10, "int4": 9 * 16 * 32 // 2}


def test_a_table_has_the_format_of_its_scores(root):
    layers = ["numerics.layers=[{match: last, weight: int4}]"]
    result = accelsim.simulate(
        root / "hwconfigs" / "int8_range_bn.yaml",
        root / "workloads" / "gpt2_small.yaml",
        settings=[*layers, "batch_size=1", "network.tokens=16"],
        timing_only=True,
    )
    assert "int4" in set(result.model_size.query("`class` == 'weight'")["format"])


def test_tables_show_what_each_layer_reads(files):
    frame = accelsim.explain(*files, [*FOUR_BITS, *ENDS]).set_index("tensor")["format"]
    assert frame["conv2d1.input"] == frame["conv2d1.weight_codes"] == frame["linear1.weight_codes"] == "int8"
    assert frame["conv2d2.weight_codes"] == frame["batch_norm1.input"] == frame["relu1.input"] == "int4"
    assert frame["relu2.input"] == "int8"


def test_passes_bytes_and_energy_follow(files):
    """On multipliers of 4 bits the last layer's forward product takes four passes in place of one."""
    narrow = ["mac_array.operand=int4"]
    plain, ends = (timed(files, *narrow, *more).layers for more in ([], ENDS))
    rows = [table[(table.layer == "linear1") & (table.operation == "matmul")].iloc[0] for table in (plain, ends)]
    assert rows[1]["energy_mac_pj"] == pytest.approx(4 * rows[0]["energy_mac_pj"])
    assert rows[1]["compute_cycles"] > rows[0]["compute_cycles"]
    middle = [
        table[(table.layer == "conv2d2") & (table.operation == "conv2d")].iloc[0]["energy_mac_pj"]
        for table in (plain, ends)
    ]
    assert middle[0] == middle[1]


def test_stochastic_rounding_of_one_layer_draws_bits(files):
    rule = "{format: int4, rounding: stochastic, random_bits: 4, random_source: lfsr}"
    own = timed(files, f"numerics.layers=[{{match: conv2d2, weight: {rule}}}]").layers
    plain = timed(files).layers
    assert own["energy_lane_pj"].sum() > plain["energy_lane_pj"].sum()
    assert (
        own[own.layer != "conv2d2"]["energy_lane_pj"].sum() == plain[plain.layer != "conv2d2"]["energy_lane_pj"].sum()
    )


def test_area_is_the_machines(files):
    assert timed(files, *ENDS).summary["area_um2"] == timed(files).summary["area_um2"]


def test_a_run_is_resumed_and_evaluated(files, tmp_path):
    """Stopped, resumed and in parts that are recomputed, it leaves the same bits; its evaluation is that of the end."""
    settings = [*FOUR_BITS, *ENDS, "micro_batches=2"]
    accelsim.simulate(*files, out=tmp_path / "plain", steps=4, settings=settings)
    for steps in (2, 4):
        accelsim.simulate(
            *files,
            out=tmp_path / "again",
            steps=steps,
            resume=steps == 4,
            settings=[*settings, "network.recompute=3"],
        )
    first, second = (read_checkpoint(tmp_path / name / "checkpoint.safetensors") for name in ("plain", "again"))
    assert {name: value.tobytes() for name, value in first.state.items()} == {
        name: value.tobytes() for name, value in second.state.items()
    }
    assert first.scales == second.scales
    last = pd.read_csv(tmp_path / "plain" / "metrics.csv").iloc[-1]
    assert accelsim.evaluate(tmp_path / "plain").test_loss == last["test_loss"]
    other = accelsim.evaluate(
        tmp_path / "plain", hwconfig=files[0], settings=["numerics.layers=[{match: '*', weight: int2}]"]
    )
    assert other.test_loss != last["test_loss"]
    with pytest.raises(UserError, match=r"another run.*numerics"):
        accelsim.simulate(
            *files, out=tmp_path / "plain", steps=5, resume=True, settings=[*FOUR_BITS, "micro_batches=2"]
        )


def test_a_machine_without_entries_keeps_its_fingerprint(files):
    hw = read_inputs(*files).hw
    assert "layers" not in bits_of(hw)["numerics"]
    assert bits_of(read_inputs(*files, settings=ENDS).hw)["numerics"]["layers"]


def test_passes_of_one_layer_decide_bits_that_saturate(files):
    """A layer's integers wider than the multipliers are added in passes, and saturating sums see where these end."""
    saturating = ["mac_array.overflow=saturate", "numerics.layer_gradient_weight_path=int8"]
    wide = "numerics.layers=[{match: last, weight: int16}]"
    plain, own = (bits_of(read_inputs(*files, settings=[*saturating, *more]).hw) for more in ([], [wide]))
    assert "operand" not in plain["mac_array"]
    assert own["mac_array"]["operand"] == "int8"


def test_a_sweep_varies_the_entries(files):
    found = accelsim.sweep(
        *files,
        vary=["numerics.layers=[],[{match: first, weight: int16}],[{match: [first, last], weight: int16}]"],
        timing_only=True,
    )
    cycles = found.table["total_cycles"].tolist() if hasattr(found, "table") else found.points["total_cycles"].tolist()
    assert cycles[0] < cycles[1] < cycles[2]


def test_a_study_of_precision_names_the_format_of_each_layer(files):
    found = accelsim.precision(*files, steps=2, at=[2], bits=[4], settings=[*FOUR_BITS, *ENDS])
    rows = found.precision.query("`class` == 'weights'").set_index("layer")["machine_format"].to_dict()
    assert rows == {"conv2d1": "int8", "conv2d2": "int4", "linear1": "int8"}


def test_a_topology_has_layers_too(root, tmp_path):
    topology = tmp_path / "net.yaml"
    topology.write_text(
        "name: net\nlayers:\n"
        "  - {name: a, input_shape: [8, 8, 16], filters: 32, kernel: 3}\n"
        "  - {name: b, input_shape: [8, 8, 16], filters: 32, kernel: 3}\n",
        encoding="utf-8",
    )
    inputs = read_inputs(
        root / "hwconfigs" / "int8_range_bn.yaml", topology, settings=["numerics.layers=[{match: last, weight: int16}]"]
    )
    program = trace(inputs).program
    assert [str(program.inputs_of(operation)[1].format) for operation in program.operations] == ["int8", "int16"]


def test_products_of_one_layer_make_other_bits(files):
    losses = {
        accelsim.simulate(*files, steps=1, settings=[*FOUR_BITS, *more]).metrics["train_loss"].iloc[-1]
        for more in ([], ENDS)
    }
    assert len(losses) == 2
