"""Looking at a training: it changes no bit, asks the machine's own quantisers, and measures what it says."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

import accelsim as package
from accelsim.errors import UserError
from accelsim.hardware import load_hwconfig
from accelsim.networks import load_workload
from accelsim.reports.precision.aggregate import by_class
from accelsim.studies.precision.looking import Look, Question
from accelsim.training import Trainer, initial_state
from accelsim.training.checkpoint import save_checkpoint
from accelsim.training.datasets import read_dataset
from accelsim.training.loop import fresh_checkpoint
from accelsim.training.records import Records

MACHINES = {
    "int8": ("int8_range_bn", []),
    "affine, ranges known ahead": (
        "int8_range_bn",
        [
            "numerics.weight.granularity=per_channel",
            "numerics.activation={format: int8, affine: true, scale: delayed}",
            "numerics.layer_gradient_data_path.scale=running",
        ],
    ),
    "one copy": ("int8_range_bn", ["numerics.layer_gradient_weight_path={format: int8, rounding: stochastic}"]),
    "fp32": ("fp32", []),
    "mxfp8": ("mxfp8", []),
}
INTEGERS = [name for name, (file, _) in MACHINES.items() if file == "int8_range_bn"]
STEPS, BITS = 3, (4, 8, 16)


class Both:
    """Shows a step to a look, and keeps the operands of some operations."""

    def __init__(self, look, opcodes):
        self.look, self.opcodes, self.kept = look, opcodes, {}

    def see(self, xp, op, inputs, outputs, values):
        if op.opcode in self.opcodes:
            self.kept[op.layer, op.opcode] = [np.array(x.data, dtype="float64") for x in inputs]
        self.look.see(xp, op, inputs, outputs, values)


@pytest.fixture(scope="module")
def train(root):
    """Trains a few steps on a machine; ``look`` is made of each. Returns the training and the looks."""
    workload = load_workload(root / "workloads" / "digits_cnn.yaml").model_copy(update={"batch_size": 8})
    dataset, known = read_dataset(workload, None), {}

    def run(machine, bits=BITS, opcodes=()):
        key = machine, bits, opcodes
        if key in known:
            return known[key]
        name, settings = MACHINES[machine]
        recipe, network = load_hwconfig(root / "hwconfigs" / f"{name}.yaml", settings).recipe(), workload.build()
        traced = network.trace(recipe, workload.optimizer, workload.batch_size)
        looks, question = [], Question(bits, recipe, traced.program.last_uses())

        def watch(step, context):
            looks.append(Both(Look(step, context, question), opcodes))
            return looks[-1]

        start = fresh_checkpoint(initial_state(traced.parameters, 1, recipe), "", {})
        options = {"watch": watch} if bits else {}
        trainer = Trainer(network, recipe, workload, dataset, start, steps=STEPS, records=Records(None, 1), **options)
        known[key] = trainer.run(), looks
        return known[key]

    return run


def _rows(looks):
    return pd.DataFrame([row for both in looks for row in both.look.found.rows])


def _by_place(rows):
    """Rows as plain mappings by step, class, layer and bits."""
    return {(row["step"], row["class"], row["layer"], row["bits"]): row for row in rows.to_dict("records")}


ALL = [pytest.param(name, marks=[pytest.mark.slow] if name == "mxfp8" else []) for name in MACHINES]


@pytest.mark.parametrize("machine", ALL)
def test_looking_changes_no_bit(train, machine, tmp_path):
    plain, looked = train(machine, bits=())[0], train(machine)[0]
    for name, training in (("plain", plain), ("looked", looked)):
        save_checkpoint(training.checkpoint, tmp_path / name)
    assert (tmp_path / "plain").read_bytes() == (tmp_path / "looked").read_bytes()
    assert plain.records.quantisers.text() == looked.records.quantisers.text()


@pytest.mark.parametrize("machine", INTEGERS)
def test_the_machines_own_bits_give_what_its_quantisers_lost(train, machine):
    """Same codes, so the same figures to the last digit as the machine's own record of the step."""
    training, looks = train(machine)
    rows = _rows(looks)
    own = rows[(rows["bits"] == rows["machine_bits"]) & (rows["class"] != "weight_gradient")]
    recorded = pd.read_csv(io.StringIO(training.records.quantisers.text())).set_index(["step", "tensor"])
    assert len(own) == STEPS * 15
    for _, row in own.iterrows():
        there = recorded.loc[row["step"], row["tensor"]]
        names = ("elements", "cosine", "sqnr_db", "saturated_share", "zero_share", "effective_bits")
        assert [row[name] for name in names] == [there[name] for name in names], row["tensor"]


@pytest.mark.parametrize("machine", ["int8", "fp32"])
def test_each_class_is_there_with_the_layers_that_have_it(train, machine):
    rows = _rows(train(machine)[1])
    first = rows[(rows["step"] == 1) & (rows["bits"] == 8)]
    found = {name: sorted(group["layer"]) for name, group in first.groupby("class")}
    products, norms = ["conv2d1", "conv2d2", "linear1"], ["batch_norm1", "batch_norm2"]
    # The first convolution has no data gradient, as images can't learn. One copy serves both paths where rules agree.
    assert found == {
        "weights": products,
        # Convolution and dense layer read the codes that ReLU hands on.
        "activations": [*norms, "conv2d1", "relu1", "relu2"],
        "gradient_data_path": products[1:],
        "gradient_weight_path": products,
        "gradient_norm": norms,
        "weight_gradient": products,
    }


def test_one_copy_for_both_paths_is_seen_on_both(train):
    rows = _rows(train("one copy")[1])
    paths = [
        rows[rows["class"] == f"gradient_{path}_path"].set_index(["step", "layer", "bits"])
        for path in ("data", "weight")
    ]
    shared = paths[0].index.intersection(paths[1].index)
    assert len(shared) == STEPS * 2 * len(BITS)
    assert paths[0].loc[shared, "cosine"].equals(paths[1].loc[shared, "cosine"])


def _cosine(a, b):
    return (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())


def _rounded(x, bits):
    """Symmetric nearest rounding in plain NumPy."""
    step = np.abs(x).max() / (2 ** (bits - 1) - 1)
    return np.rint(x / step) * step


PRODUCTS = ("conv2d", "matmul", "relu", "normalise", "matmul_backward_weights", "conv2d_backward_weights")


@pytest.mark.parametrize("bits", BITS)
def test_figures_equal_a_plain_recomputation(train, bits):
    _, looks = train("fp32", opcodes=PRODUCTS)
    rows = _by_place(_rows(looks))
    compared = 0
    for step, both in enumerate(looks, 1):
        for (layer, opcode), operands in both.kept.items():
            if opcode.endswith("backward_weights"):
                continue
            for kind, x in zip(("activations", "weights"), operands, strict=False):
                if (step, kind, layer, bits) not in rows:
                    continue
                row, held = rows[step, kind, layer, bits], _rounded(x, bits)
                compared += 1
                assert row["cosine"] == pytest.approx(_cosine(x, held), rel=1e-12)
                assert row["sqnr_db"] == pytest.approx(10 * np.log10((x**2).sum() / ((x - held) ** 2).sum()), rel=1e-9)
                assert row["relative_bias"] == pytest.approx((held - x).sum() / np.abs(x).sum(), abs=1e-12)
                assert row["zero_share"] == (held == 0).mean()
                assert row["rms"] == pytest.approx(np.sqrt((x**2).mean()), rel=1e-12)
                centred = x - x.mean()
                kurtosis = (centred**4).mean() / (centred**2).mean() ** 2 - 3
                assert row["excess_kurtosis"] == pytest.approx(kurtosis, rel=1e-9)
    assert compared == STEPS * 8


@pytest.mark.parametrize("bits", BITS)
def test_the_weight_gradient_is_that_of_the_rounded_copy(train, bits):
    """The products of a dense layer and of a convolution, tap by tap, in double precision."""
    _, looks = train("fp32", opcodes=PRODUCTS)
    rows = _by_place(_rows(looks))
    for step, both in enumerate(looks, 1):
        x, g = both.kept["linear1", "matmul_backward_weights"]
        found = rows[step, "weight_gradient", "linear1", bits]["cosine"]
        assert found == pytest.approx(_cosine(g.T @ x, _rounded(g, bits).T @ x), abs=1e-7)
        x, g = both.kept["conv2d2", "conv2d_backward_weights"]
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        taps = [padded[:, i : i + g.shape[1], j : j + g.shape[2]] for i in range(3) for j in range(3)]
        true, held = (np.array([np.einsum("bhwo,bhwi->oi", y, tap) for tap in taps]) for y in (g, _rounded(g, bits)))
        found = rows[step, "weight_gradient", "conv2d2", bits]["cosine"]
        assert found == pytest.approx(_cosine(true, held), abs=1e-7)


@pytest.mark.parametrize("machine", ALL)
def test_more_bits_are_nearer_on_average(train, machine):
    means = by_class(_rows(train(machine)[1]))
    for name, rows in means.groupby("class"):
        assert rows.sort_values("bits")["mean"].is_monotonic_increasing, name
    assert (means[means["bits"] == 16]["mean"] > 0.999).all()


def test_what_is_computed_again_for_the_backward_pass_is_looked_at_once(root):
    files = root / "hwconfigs" / "int8_range_bn.yaml", root / "workloads" / "digits_cnn.yaml"
    found = [
        package.precision(*files, steps=1, bits=[4], settings=settings).precision.drop(columns="tensor")
        for settings in ([], ["network.recompute=3"])
    ]
    assert found[0].equals(found[1])


def test_nothing_of_a_step_is_held_after_it(train):
    for both in train("int8")[1]:
        assert not both.look._sources


@pytest.mark.parametrize("bits", [8, "4,8", [], [4, "8"], [True], [4.0], [1], [25]])
def test_widths_that_are_no_list_of_whole_numbers_are_refused(root, bits):
    files = root / "hwconfigs" / "fp32.yaml", root / "workloads" / "digits_cnn.yaml"
    with pytest.raises(UserError, match="allowed are integers of 2 to 24 bits"):
        package.precision(*files, steps=1, bits=bits)
