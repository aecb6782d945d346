"""``accelsim import onnx``: files that are written, and the run that starts from them."""

from __future__ import annotations

import json

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="ONNX models are read with the package onnx")


@pytest.fixture
def net(tmp_path):
    """A digits classifier."""
    random = np.random.Generator(np.random.PCG64(3))
    shapes = {"conv.weight": (4, 1, 3, 3), "conv.bias": (4,), "fc.weight": (10, 144), "fc.bias": (10,)}
    weights = [
        onnx.numpy_helper.from_array(random.standard_normal(shape).astype(np.float32), name)
        for name, shape in shapes.items()
    ]
    nodes = [
        onnx.helper.make_node("Conv", ["x", "conv.weight", "conv.bias"], ["a"], name="conv"),
        onnx.helper.make_node("Relu", ["a"], ["b"]),
        onnx.helper.make_node("Flatten", ["b"], ["c"]),
        onnx.helper.make_node("Gemm", ["c", "fc.weight", "fc.bias"], ["d"], transB=1),
        onnx.helper.make_node("Softmax", ["d"], ["y"]),
    ]
    x = onnx.helper.make_tensor_value_info("x", 1, ["n", 1, 8, 8])
    y = onnx.helper.make_tensor_value_info("y", 1, None)
    graph = onnx.helper.make_graph(nodes, "digits", [x], [y], weights)
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)]), tmp_path / "net.onnx")
    return tmp_path / "net.onnx"


def test_from_model_to_a_run_that_starts_from_its_weights(accelsim, hwconfig, net, tmp_path):
    ran = accelsim("import", "onnx", net, "-o", "w.yaml", "--name", "mine")
    assert ran.out.splitlines() == [
        "weights:  w.safetensors",
        "workload: w.yaml",
        "note:     the Softmax at the end is left out: the loss has it",
    ]
    text = (tmp_path / "w.yaml").read_text()
    assert text.startswith("# Imported from net.onnx.\n# The model has no recipe")
    assert "    - conv2d: {name: conv, filters: 4, kernel: 3}\n    - relu\n    - flatten\n" in text
    assert accelsim("check", "w.yaml").out == "w.yaml: a valid workload\n"
    rate = ("--set", "optimizer.learning_rate=1e-12", "--set", "optimizer.momentum=0")
    ran = accelsim("simulate", hwconfig, "w.yaml", "--steps", 1, "--out", "run", *rate)
    assert ran.code == 0, ran.err
    assert "initial weights: 4 tensors from" in ran.err
    from safetensors.numpy import load_file

    kept = load_file(tmp_path / "run" / "checkpoint.safetensors")["conv.weight"]
    model = onnx.numpy_helper.to_array(onnx.load(net).graph.initializer[0])
    np.testing.assert_allclose(kept, model.transpose(0, 2, 3, 1), atol=1e-6)


def test_a_resumed_run_wants_the_same_weights(accelsim, hwconfig, net, tmp_path):
    accelsim("import", "onnx", net, "-o", "w.yaml")
    assert accelsim("simulate", hwconfig, "w.yaml", "--steps", 1, "--out", "run").code == 0
    assert accelsim("simulate", hwconfig, "w.yaml", "--steps", 2, "--out", "run", "--resume").code == 0
    (tmp_path / "elsewhere").mkdir()
    for name in ("w.yaml", "w.safetensors"):
        (tmp_path / name).rename(tmp_path / "elsewhere" / name)
    moved = accelsim("simulate", hwconfig, "elsewhere/w.yaml", "--steps", 3, "--out", "run", "--resume")
    assert moved.code == 0, moved.err
    from safetensors.numpy import load_file, save_file

    values = load_file(tmp_path / "elsewhere" / "w.safetensors")
    save_file(values | {"conv.bias": values["conv.bias"] + 1}, tmp_path / "elsewhere" / "w.safetensors")
    ran = accelsim("simulate", hwconfig, "elsewhere/w.yaml", "--steps", 4, "--out", "run", "--resume")
    assert (ran.code, "belongs to another run" in ran.err) == (2, True)


def test_a_new_head_is_drawn(accelsim, hwconfig, net, tmp_path):
    accelsim("import", "onnx", net, "-o", "w.yaml")
    text = (tmp_path / "w.yaml").read_text()
    (tmp_path / "w.yaml").write_text(text.replace("{name: fc,", "{name: head,"))
    ran = accelsim("simulate", hwconfig, "w.yaml", "--steps", 1, "--out", "run")
    assert "drawn from the seed: head.weight, head.bias; not in the network: fc.bias, fc.weight" in " ".join(
        ran.err.split()
    )


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("filters: 4", "filters: 5", "conv.weight has shape [4, 3, 3, 1], but the network's has [5, 3, 3, 1]"),
        ("w.safetensors", "nothing.safetensors", "nothing.safetensors: not a safetensors file that can be read"),
        ("w.safetensors", "w.yaml", "w.yaml: not a safetensors file that can be read"),
    ],
)
def test_weights_that_do_not_fit(accelsim, hwconfig, net, tmp_path, before, after, fault):
    accelsim("import", "onnx", net, "-o", "w.yaml")
    (tmp_path / "w.yaml").write_text((tmp_path / "w.yaml").read_text().replace(before, after))
    ran = accelsim("simulate", hwconfig, "w.yaml", "--steps", 1, "--out", "run")
    assert (ran.code, ran.err.startswith("error: initial_weights: ")) == (2, True)
    assert fault in ran.err
    assert not (tmp_path / "run").exists()


def test_without_weights_only_the_workload_is_written(accelsim, net, tmp_path):
    assert accelsim("import", "onnx", net, "-o", "w.yaml", "--no-weights", "--dataset", "digits").code == 0
    assert not (tmp_path / "w.safetensors").exists()
    assert accelsim("import", "onnx", net).out.splitlines()[1:] == ((tmp_path / "w.yaml").read_text().splitlines()[1:])


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (["-o", "taken.yaml"], "error: taken.yaml: exists already; --force overwrites it\n"),
        (["--input-shape", "1,8"], "has 3 axes after the batch, not 2\n"),
        (
            ["--input-shape", "1x8x8"],
            "error: --input-shape: found '1x8x8'; allowed: whole numbers with commas, as 3,224,224\n",
        ),
        (
            ["--dataset", "cifar10"],
            "found [8, 8, 1], but the images of cifar10 are [32, 32, 3] (height, width, channels)\n",
        ),
        (["--dataset", "digit"], "no data set is called 'digit'"),
        (["--name", "a/b"], "error: name: "),
    ],
)
def test_mistakes_end_with_code_2(accelsim, net, tmp_path, options, fault):
    (tmp_path / "taken.yaml").write_text("mine")
    ran = accelsim("import", "onnx", net, *options)
    assert (ran.code, ran.out) == (2, "")
    assert fault in ran.err


@pytest.mark.parametrize("cut", [10, 100, -1])
def test_a_file_that_was_cut_off(accelsim, net, cut):
    net.write_bytes(net.read_bytes()[:cut])
    ran = accelsim("import", "onnx", net, "-o", "w.yaml")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert ran.err.startswith(f"error: {net}: ")


def test_json_of_a_run_names_the_weights(accelsim, hwconfig, net, tmp_path):
    accelsim("import", "onnx", net, "-o", "w.yaml")
    ran = accelsim("simulate", hwconfig, "w.yaml", "--timing-only", "--out", "run", "--json")
    assert json.loads(ran.out)["workload"] == "net"
    assert str(tmp_path / "w.safetensors") in (tmp_path / "run" / "workload.yaml").read_text()


def test_help_lists_both_tools(accelsim):
    text = accelsim("import", "--help").out
    assert "scalesim" in text
    assert "onnx" in text
