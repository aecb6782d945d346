"""From a model to a graph of fixed sizes, in which all that depends on no input is worked out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import UserError
from accelsim.networks.importers.onnx.concats import share_prefixes
from accelsim.networks.importers.onnx.graph import DEFAULT_DOMAINS, Graph, Node
from accelsim.networks.importers.onnx.reading import as_array, fault_of, initial_values, on_one_line, onnx_library

BATCH = 2
"""Stands for a batch of any size: 1 would look like axes that have one element."""
LARGEST_FOLDED = 1 << 26
"""Elements of a constant that is worked out."""
PASSED_THROUGH = ("Identity", "Cast", "CastLike")
ROUNDS = 100


def fixed_graph(model: Any, path: Path, *, weights: bool, input_shape: Sequence[int] | None = None) -> Graph:
    """The graph of ``model`` with the batch and ``input_shape`` (the axes after it) in place of what is dynamic.

    Raises:
        UserError: the graph is broken, or has no fixed size or several inputs or outputs.
    """
    constants = initial_values(model, path, weights=weights)
    source, sizes = _fix_input(model, path, constants, input_shape)
    output = _only_output(model, path)
    nodes = [_node(index, proto) for index, proto in enumerate(model.graph.node)]
    opset = next((entry.version for entry in model.opset_import if entry.domain in DEFAULT_DOMAINS), 1)
    _check_nodes(path, nodes, {*constants, source}, opset)
    if output not in {*constants, *(name for node in nodes for name in node.outputs)}:
        raise UserError(f"{path}: no node makes the output {output!r}")
    folder = _Folder(model, str(path), opset, constants, {source: sizes})
    nodes, names = folder.fold(nodes)
    output = names.get(output, output)
    known = (constants, folder.shapes, folder.kinds, source, output, folder.origins)
    needed = Graph(str(path), opset, share_prefixes(nodes), *known).between(source, output)
    if not any(source in node.inputs for node in needed):
        raise UserError(f"{path}: the output {output!r} doesn't depend on the input {source!r}")
    return Graph(str(path), opset, needed, *known)


def _fix_input(
    model: Any, path: Path, constants: dict[str, NDArray[Any]], wanted: Sequence[int] | None
) -> tuple[str, tuple[int, ...]]:
    """Name and shape of the only input; the shape becomes fixed in ``model``."""
    inputs = [entry for entry in model.graph.input if entry.name not in constants]
    if len(inputs) != 1:
        names = ", ".join(entry.name for entry in inputs) or "none"
        raise UserError(f"{path}: has {len(inputs)} inputs ({names}); a network of images or token ids has one")
    found = inputs[0]
    if not found.type.tensor_type.HasField("shape"):
        raise UserError(f"{path}: input {found.name!r} has no shape; export it with one")
    dims = found.type.tensor_type.shape.dim
    if wanted is not None and len(wanted) != len(dims) - 1:
        raise UserError(f"{path}: input {found.name!r} has {len(dims) - 1} axes after the batch, not {len(wanted)}")
    for axis, dim in enumerate(dims):
        fixed = dim.dim_value if dim.HasField("dim_value") else 0
        asked = BATCH if axis == 0 else (wanted[axis - 1] if wanted else 0)
        if fixed > 0 and axis and wanted and fixed != asked:
            raise UserError(f"{path}: input {found.name!r}: axis {axis} has {fixed} elements, not {asked}")
        if fixed <= 0 and not asked:
            called = f" ({dim.dim_param!r})" if dim.dim_param else ""
            remedy = "give --input-shape with the sizes after the batch, or export with a fixed size"
            raise UserError(f"{path}: input {found.name!r}: axis {axis}{called} is dynamic; {remedy}")
        if fixed <= 0:
            dim.dim_value = asked
    return found.name, tuple(dim.dim_value for dim in dims)


def _only_output(model: Any, path: Path) -> str:
    names = [entry.name for entry in model.graph.output]
    if len(names) != 1:
        raise UserError(f"{path}: has {len(names)} outputs ({', '.join(names)}); export one with the classes' scores")
    return str(names[0])


def _node(index: int, proto: Any) -> Node:
    helper = onnx_library().helper
    attributes = {entry.name: helper.get_attribute_value(entry) for entry in proto.attribute}
    plain = proto.domain in DEFAULT_DOMAINS
    op = proto.op_type if plain else f"{proto.domain}.{proto.op_type}"
    return Node(index, op, proto.name, tuple(proto.input), tuple(proto.output), attributes, proto)


def _check_nodes(path: Path, nodes: Sequence[Node], known: set[str], opset: int) -> None:
    """Hold every node against its operator's definition, and its inputs against what there is before it."""
    made = set(known)
    for node in nodes:
        if node.proto.domain not in DEFAULT_DOMAINS:
            text = f"not supported: {node.proto.domain!r} has operators of its own; export with ONNX's alone"
            raise node.error(str(path), text)
        fault = fault_of(node.proto, opset)
        if fault:
            raise node.error(str(path), f"broken: {fault}")
        for name in node.inputs:
            if name and name not in made:
                text = (
                    f"input {name!r} has no value: no initialiser has that name, and no node before this one makes it"
                )
                raise node.error(str(path), text)
        made.update(node.outputs)


class _Folder:
    """Works constants out until nothing more becomes known; large values stay out of the library's shape inference."""

    def __init__(
        self,
        model: Any,
        source: str,
        opset: int,
        constants: dict[str, NDArray[Any]],
        shapes: dict[str, tuple[int, ...]],
    ) -> None:
        self.model, self.source, self.opset = model, source, opset
        self.constants, self.shapes = constants, shapes
        self.kinds: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self.origins = {name: name for name in constants}

    def fold(self, nodes: list[Node]) -> tuple[list[Node], dict[str, str]]:
        """The nodes that are left, and the tensors that others stand for."""
        for _ in range(ROUNDS):
            before = len(nodes)
            self._infer(nodes)
            nodes = [kept for node in nodes if (kept := self._reduced(node))]
            if len(nodes) == before:
                break
        return nodes, self.names

    def _reduced(self, node: Node) -> Node | None:
        """The node with its inputs' final names, or None where it is worked out or passes its input through."""
        inputs = tuple(self.names.get(name, name) for name in node.inputs)
        node = Node(node.index, node.op, node.name, inputs, node.outputs, node.attributes, node.proto)
        if node.op == "Shape" and inputs[0] in self.shapes:
            start, end = node.attributes.get("start", 0), node.attributes.get("end")
            self.constants[node.output] = np.array(self.shapes[inputs[0]][start:end], dtype=np.int64)
            return None
        if node.op == "Constant":
            self.constants[node.output] = self._given(node)
            return None
        known = [name in self.constants for name in inputs if name]
        lone = node.op == "Concat" and len(inputs) == 1
        if (node.op in PASSED_THROUGH and not known[0] and self._same_kind(node)) or (lone and not known[0]):
            self.names[node.output] = inputs[0]
            return None
        if node.op == "CastLike" and known[0] and inputs[1] in self.kinds:
            self.constants[node.output] = self.constants[inputs[0]].astype(self.kinds[inputs[1]])
            return None
        return None if all(known) and self._worked_out(node) else node

    def _same_kind(self, node: Node) -> bool:
        """Whether a cast is one between floats, which are all float32 here, or none at all."""
        kinds = {self.kinds.get(name, "float32") for name in (node.inputs[0], node.output)}
        return node.op == "Identity" or len(kinds) == 1 or kinds <= {"float16", "bfloat16", "float32", "float64"}

    def _given(self, node: Node) -> NDArray[Any]:
        for name, value in node.attributes.items():
            if name == "value":
                return as_array(value, str(node.error(self.source, "value")))
            if name.startswith(("value_int", "value_float")):
                return np.array(value, dtype=np.int64 if "int" in name else np.float32)
        raise node.error(self.source, f"holds {', '.join(node.attributes) or 'nothing'}, which is no tensor of numbers")

    def _worked_out(self, node: Node) -> bool:
        """Run a node whose inputs are constants; False where it is one that can't be."""
        onnx = onnx_library()
        size = sum(self.constants[name].size for name in node.inputs if name)
        if node.op in ("Dropout", "BatchNormalization", "If", "Loop", "Scan") or size > LARGEST_FOLDED:
            return False
        proto = onnx.NodeProto()
        proto.CopyFrom(node.proto)
        proto.input[:] = node.inputs
        try:
            runner = onnx.reference.ReferenceEvaluator(proto, opsets={"": self.opset})
            values = runner.run(None, {name: self.constants[name] for name in node.inputs if name})
        except Exception as error:  # whatever the library raises for a node that it can't run
            raise node.error(self.source, f"its constants can't be worked out: {on_one_line(error)}") from error
        floats = [name for name in node.inputs if name in self.origins and self.constants[name].dtype.kind == "f"]
        origins = {self.origins[name] for name in floats}
        for name, value in zip(node.outputs, values, strict=False):
            array = np.asarray(value)
            self.constants[name] = array.astype(np.float32) if array.dtype.kind == "f" else array
            if len(origins) == 1:
                self.origins[name] = next(iter(origins))
        return True

    def _infer(self, nodes: Sequence[Node]) -> None:
        """Shapes and element types of what the nodes make."""
        onnx = onnx_library()
        helper = onnx.helper
        protos = []
        for node in nodes:
            proto = onnx.NodeProto()
            proto.CopyFrom(node.proto)
            proto.input[:] = [self.names.get(name, name) for name in node.inputs]
            protos.append(proto)
        small = [name for name, value in self.constants.items() if value.size <= 1024 and value.dtype.kind in "iub"]
        typed = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
            for name, value in self.constants.items()
        ]
        graph = helper.make_graph(
            protos,
            "sizes",
            [*self.model.graph.input, *typed],
            [onnx.ValueInfoProto(name=entry.name) for entry in self.model.graph.output],
            [onnx.numpy_helper.from_array(self.constants[name], name) for name in small],
        )
        sketch = helper.make_model(
            graph, opset_imports=self.model.opset_import, ir_version=max(4, self.model.ir_version)
        )
        try:
            inferred = onnx.shape_inference.infer_shapes(sketch, data_prop=True)
        except Exception as error:  # the library's InferenceError, and what malformed nodes lead to
            raise UserError(f"{self.source}: its shapes can't be worked out: {on_one_line(error)}") from error
        for entry in (*inferred.graph.value_info, *inferred.graph.output, *inferred.graph.input):
            self._note(entry)

    def _note(self, entry: Any) -> None:
        kind = entry.type.tensor_type
        if kind.elem_type:
            self.kinds[entry.name] = str(onnx_library().helper.tensor_dtype_to_np_dtype(kind.elem_type).name)
        dims = [dim.dim_value if dim.HasField("dim_value") else -1 for dim in kind.shape.dim]
        if kind.HasField("shape") and all(size >= 0 for size in dims):
            self.shapes[entry.name] = tuple(dims)
