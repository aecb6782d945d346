"""An ONNX file as a model in memory, and the values of its initialisers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import UserError

LARGEST_BYTES = 1 << 31
"""What protobuf holds; larger models keep their weights in files beside them."""
LARGEST_TABLE = 1 << 22
"""Elements in another file that are read without weights too, as they may be cosines and sines, or a mask."""
LONGEST = 200
"""Characters of the library's messages that are passed on."""


def onnx_library() -> Any:
    """The package that reads ONNX files.

    Raises:
        UserError: it isn't installed.
    """
    try:
        import onnx
        import onnx.checker
        import onnx.inliner
        import onnx.reference
        import onnx.shape_inference
    except ImportError as error:
        raise UserError("reading ONNX models needs the package onnx: pip install 'accelsim[onnx]'") from error
    return onnx


def read_model(path: Path) -> Any:
    """The model in ``path``, without the weights that stand in other files.

    Raises:
        UserError: it is missing, unreadable, cut off or no ONNX model.
    """
    onnx = onnx_library()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(data) > LARGEST_BYTES:
        raise UserError(f"{path}: more than 2 GiB; save the model with its weights as external data")
    try:
        model = onnx.ModelProto.FromString(data)
    except Exception as error:  # protobuf's DecodeError, whichever of its packages raises it
        raise UserError(f"{path}: not an ONNX model, or cut off: {on_one_line(error)}") from error
    if not model.ir_version or not model.graph.node:
        raise UserError(f"{path}: not an ONNX model: it has no graph with nodes")
    for node in model.graph.node:
        if not all(isinstance(name, str) for name in (node.op_type, node.name, *node.input, *node.output)):
            raise UserError(f"{path}: broken: it has names that are not UTF-8 text")
    return onnx.inliner.inline_local_functions(model) if model.functions else model


def on_one_line(error: Exception) -> str:
    """What an error of the library says, without line breaks and not too long."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def fault_of(proto: Any, opset: int) -> str:
    """What ONNX's own definition of an operator finds wrong with a node; empty where it is right, or isn't known."""
    checker = onnx_library().checker
    if not onnx_library().defs.has(proto.op_type, opset, proto.domain):
        return ""
    known = checker.C.CheckerContext()
    known.ir_version, known.opset_imports = onnx_library().IR_VERSION, {"": opset}
    try:
        checker.check_node(proto, known)
    except checker.ValidationError as error:
        return on_one_line(error).removesuffix(" ==> Context: Bad node spec for node.")
    return ""


def initial_values(model: Any, path: Path, *, weights: bool) -> dict[str, NDArray[Any]]:
    """Every initialiser of ``model`` by name, floats as float32.

    Without ``weights`` large ones in other files, and those in files that are missing, are zeros of the right shape,
    which take no memory.

    Raises:
        UserError: a value is missing, broken or not finite; minus infinity may stand in masks.
    """
    if model.graph.sparse_initializer:
        name = model.graph.sparse_initializer[0].values.name
        raise UserError(f"{path}: initialiser {name} is sparse, which is not supported; store it dense")
    return {tensor.name: _value(tensor, path, weights=weights) for tensor in model.graph.initializer}


def as_array(tensor: Any, where: str) -> NDArray[Any]:
    """A TensorProto as an array, floats as float32.

    Raises:
        UserError: it is broken, or no numbers.
    """
    try:
        array = np.asarray(onnx_library().numpy_helper.to_array(tensor))
    except Exception as error:  # the library raises whatever a broken tensor leads to
        raise UserError(f"{where}: its values can't be read: {on_one_line(error)}") from error
    if array.dtype.kind == "f" or array.dtype.name == "bfloat16":
        return array.astype(np.float32)
    if array.dtype.kind not in "iub":
        raise UserError(f"{where}: holds {array.dtype}, which is no number")
    return array


def _value(tensor: Any, path: Path, *, weights: bool) -> NDArray[Any]:
    onnx, where = onnx_library(), f"{path}: initialiser {tensor.name}"
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        nothing = np.broadcast_to(np.float32(0), tuple(tensor.dims))
        if not weights and nothing.size > LARGEST_TABLE:
            return nothing
        try:
            onnx.external_data_helper.load_external_data_for_tensor(tensor, str(path.parent))
        except Exception as error:  # a missing file, a path that leaves the folder, an offset behind the end
            if not weights:
                return nothing
            location = next((entry.value for entry in tensor.external_data if entry.key == "location"), "?")
            remedy = "put it beside the model, or give --no-weights"
            raise UserError(f"{where}: its values stand in {location!r}, which can't be read; {remedy}") from error
    array = as_array(tensor, where)
    if not np.isfinite(array).all() and not _is_mask(array):
        raise UserError(f"{where}: holds values that are not finite")
    return array


def _is_mask(array: NDArray[Any]) -> bool:
    """Whether adding it, or putting it in place, hides scores of attention: minus infinity, and zeros."""
    return bool(((array == 0) | (array == -np.inf)).all())
