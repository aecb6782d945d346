"""ONNX graphs made by hand, and what they compute: here and by ONNX's own definition."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from accelsim.datapath import Datapath
from accelsim.networks.importers.onnx import import_onnx, read_model
from accelsim.simulation.imported import imported_onnx
from accelsim.training import initial_state
from accelsim.training.initial_weights import save_weights, take_weights

BATCH = 3


class Model:
    """A graph that grows node by node; every call returns the name of what the node makes."""

    def __init__(self, *shape: Any, kind: str = "FLOAT") -> None:
        import onnx

        self.helper, self.numpy_helper = onnx.helper, onnx.numpy_helper
        self.input = onnx.helper.make_tensor_value_info("x", getattr(onnx.TensorProto, kind), ["batch", *shape])
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.random = np.random.Generator(np.random.PCG64(1))

    def weight(self, *shape: int, name: str = "") -> str:
        return self.constant(self.random.standard_normal(shape).astype(np.float32), name)

    def constant(self, value: Any, name: str = "") -> str:
        name = name or f"c{len(self.initializers)}"
        self.initializers.append(self.numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, op: str, *inputs: str, outputs: int = 1, name: str | None = None, **attributes: Any) -> str:
        made = [f"t{len(self.nodes)}", *(f"t{len(self.nodes)}_{i}" for i in range(1, outputs))]
        called = f"{op}{len(self.nodes)}" if name is None else name
        self.nodes.append(self.helper.make_node(op, list(inputs), made, name=called, **attributes))
        return made[0]

    def proto(self, *outputs: str, opset: int = 20) -> Any:
        import onnx

        infos = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in outputs]
        graph = onnx.helper.make_graph(self.nodes, "graph", [self.input], infos, self.initializers)
        return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])


@pytest.fixture
def model():
    return Model


@pytest.fixture
def saved(tmp_path):
    """The file of a graph."""

    def save(proto: Any) -> Path:
        path = tmp_path / "net.onnx"
        path.write_bytes(proto.SerializeToString())
        return path

    return save


@pytest.fixture
def read(saved):
    """The network of a graph."""

    def read(proto: Any, **options: Any) -> Any:
        path = saved(proto)
        return import_onnx(read_model(path), path, **options)

    return read


@pytest.fixture
def logits(tmp_path, fp32_machine):
    """What a workload computes in fp32 from values of its parameters: scores of inputs as they lie in ONNX."""

    def run(workload: Any, values: dict[str, Any], x: Any) -> Any:
        network, recipe = workload.build(), fp32_machine.recipe()
        parameters = network.trace(recipe, workload.optimizer, len(x)).parameters
        save_weights(values, tmp_path / "w.safetensors")
        taken = take_weights(tmp_path / "w.safetensors", parameters)
        assert (taken.drawn, taken.unused) == ([], [])
        machine = Datapath(recipe, initial_state(parameters, 1, recipe, taken.values), seed=1, check=True)
        machine.begin_step(0, training=False)
        text = x.ndim == 2 and x.dtype.kind in "iu"
        ours = x.transpose(0, 2, 3, 1) if x.ndim == 4 else x if text else x.reshape(len(x), *workload.network.shape)
        labels = np.zeros(x.shape if text else len(x), np.uint16)
        return network.forward(machine, ours.astype(np.uint16) if text else ours, labels, len(x)).logits.data

    return run


@pytest.fixture
def equal(saved, logits, rng):
    """Import a graph, hold its fp32 forward against ONNX's reference, and return kinds of layers in order."""

    def check(proto: Any, *, x: Any = None, tolerance: float = 1e-4) -> list[Any]:
        import onnx.reference

        found = imported_onnx(saved(proto), weights="w.safetensors")
        if x is None:
            dims = proto.graph.input[0].type.tensor_type.shape.dim[1:]
            x = rng.standard_normal((BATCH, *(dim.dim_value for dim in dims))).astype(np.float32)
        expected = onnx.reference.ReferenceEvaluator(proto).run(None, {"x": x})[0]
        ours = logits(found.workload, found.network.values, x)
        np.testing.assert_allclose(ours.reshape(expected.shape), expected, rtol=tolerance, atol=tolerance)
        return shape_of(found.workload.network.layers)

    return check


def shape_of(layers: list[Any]) -> list[Any]:
    """Kinds of layers; a layer with branches is a tuple of its kind and theirs."""
    return [
        (layer.kind, *(shape_of(branch) for branch in layer.children())) if layer.children() else layer.kind
        for layer in layers
    ]
