"""``network.recompute``: which layers it chooses, and that nothing but them changes."""

from __future__ import annotations

import pytest

from accelsim.errors import UserError
from accelsim.networks import Workload, load_workload
from accelsim.networks.workload_text import workload_text
from accelsim.program import Phase
from accelsim.simulation.inputs import read_inputs

CONV = {"conv2d": {"filters": 4, "kernel": 3, "padding": 1}}
RESIDUAL = {"residual": {"body": [{"residual": {"body": [CONV]}}, "relu"]}}
LAYERS = [CONV, RESIDUAL, {"repeat": {"times": 2, "body": ["relu", RESIDUAL]}}, "flatten", {"linear": {"units": 3}}]


def _workload(recompute, layers=LAYERS, **size):
    return Workload.model_validate(
        {
            "name": "x",
            "dataset": {"kind": "digits"},
            "network": {"classes": 3, "layers": layers, "recompute": recompute, **(size or {"input_shape": (6, 6, 2)})},
            "batch_size": 4,
            "epochs": 1,
            "optimizer": {"learning_rate": 0.1},
        }
    )


def _shown(layers):
    """Kinds, with a list for what is recomputed and one for a repeat's copies."""
    found = []
    for layer in layers:
        inner = [_shown(branch) for branch in layer.children()]
        recomputed = layer.kind == "recompute"
        found.append(inner[0] if recomputed else (layer.kind, inner) if layer.kind == "repeat" else layer.kind)
    return found


@pytest.mark.parametrize(
    ("recompute", "shown"),
    [
        ("none", ["conv2d", "residual", ("repeat", [["relu", "residual"]] * 2), "flatten", "linear"]),
        ("residuals", ["conv2d", ["residual"], ("repeat", [["relu", ["residual"]]] * 2), "flatten", "linear"]),
        (1, [*([kind] for kind in ["conv2d", "residual", *["relu", "residual"] * 2, "flatten"]), "linear"]),
        (3, [["conv2d", "residual", "relu"], ["residual", "relu", "residual"], "flatten", "linear"]),
        (7, [["conv2d", "residual", *["relu", "residual"] * 2, "flatten"], "linear"]),
    ],
)
def test_what_is_recomputed(recompute, shown):
    assert _shown(_workload(recompute).build().layers) == shown


def _names(layers):
    """Names of all layers that do work of their own."""
    inner = [name for layer in layers for branch in layer.children() for name in _names(branch)]
    return sorted([*inner, *(layer.name for layer in layers if layer.kind not in ("recompute", "repeat"))])


@pytest.mark.parametrize("recompute", ["residuals", 1, 2, 3, 7])
def test_layers_keep_their_names(recompute):
    assert _names(_workload(recompute).build().layers) == _names(_workload("none").build().layers)


HAND_WRITTEN = [{"recompute": {"name": "by_hand", "body": [*LAYERS[:2], "relu"]}}, *LAYERS[3:]]


@pytest.mark.parametrize(
    ("recompute", "layers", "line"),
    [
        ("none", LAYERS, ""),
        ("residuals", LAYERS, "  recompute: residuals"),
        (3, LAYERS, "  recompute: 3"),
        ("none", HAND_WRITTEN, "    - recompute:"),
    ],
)
def test_the_text_of_a_workload_has_it(recompute, layers, line, tmp_path):
    workload, path = _workload(recompute, layers), tmp_path / "x.yaml"
    path.write_text(workload_text(workload))
    assert load_workload(path) == workload
    assert [found for found in path.read_text().splitlines() if "recompute" in found] == [line][: bool(line)]


SET_3 = "network.recompute=3"
ALLOWED = "allowed: none, residuals, or a whole number of layers from 1"


@pytest.mark.parametrize(
    ("recompute", "message"),
    [
        ("residual", f"found 'residual'; {ALLOWED} (did you mean 'residuals'?)"),
        ("0", f"found 0; {ALLOWED}"),
        ("2.5", f"found 2.5; {ALLOWED}"),
        ("true", f"found true; {ALLOWED}"),
        ("[conv2d1]", f"found a list of 1 (conv2d1); {ALLOWED}"),
        ("9", "found 9, but the outermost list has 9 layers, repetitions written out; allowed: fewer"),
        (
            "residuals",
            "found 'residuals', but no layer of the outermost list is a residual; allowed: none, or a number",
        ),
    ],
)
def test_faults(recompute, message, root):
    with pytest.raises(UserError) as error:
        read_inputs(
            root / "hwconfigs" / "int8_range_bn.yaml",
            root / "workloads" / "digits_cnn.yaml",
            settings=[f"network.recompute={recompute}"],
        )
    assert str(error.value) == f"--set network.recompute={recompute}: {message}"


@pytest.mark.parametrize(("setting", "found"), [([], None), (["network.recompute=none"], None), ([SET_3], 3)])
def test_a_run_from_before_keeps_its_fingerprint(root, setting, found):
    """What a run is compared with on --resume says nothing of recomputation where there is none."""
    paths = root / "hwconfigs" / "int8_range_bn.yaml", root / "workloads" / "digits_cnn.yaml"
    described = read_inputs(*paths, settings=setting).described
    assert described["workload"]["network"].get("recompute") == found


TEXT = [
    {"embedding": {"name": "table", "vocabulary": 3, "width": 4}},
    "layer_norm",
    {"unembedding": {"embedding": "table", "units": 3}},
]


def test_token_ids_go_to_a_recomputed_embedding(fp32_machine):
    program = _workload(2, TEXT, tokens=5).trace(fp32_machine.recipe()).program
    found = [op.opcode for op in program.operations if op.phase is Phase.RECOMPUTE]
    assert found == ["gather", "reduce_mean", "reduce_deviation"]
    with pytest.raises(UserError, match=r"layer layer_norm1 .* the network's input is token ids"):
        _workload(2, TEXT[1:] * 2, tokens=5).build()
