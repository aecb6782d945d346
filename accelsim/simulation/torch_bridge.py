"""A PyTorch module as a workload, by way of ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from accelsim.errors import UserError
from accelsim.networks import Workload
from accelsim.networks.importers.onnx import import_onnx
from accelsim.networks.importers.onnx.reading import onnx_library
from accelsim.simulation.imported import as_workload
from accelsim.training.initial_weights import is_weights, save_weights


def from_torch(
    module: Any,
    example_input: Any,
    *,
    name: str,
    dataset: str | None = None,
    weights: Path | str | None = None,
) -> Workload:
    """A workload with the layers and weights of a PyTorch module, for ``accelsim.simulate``.

    The module is exported as it stands: after ``module.eval()`` dropout is nothing, and is left out.

    Args:
        module: a torch.nn.Module from images (batch, channels, height, width) to scores (batch, classes).
        example_input: one input tensor; its values don't matter.
        name: of the workload.
        dataset: kind of data set; by default one that has such images and classes.
        weights: safetensors file to write the weights to; NAME.safetensors in the current folder by default. Weights
            that were written before are overwritten, other files are not.

    Raises:
        UserError: torch is missing, the module can't be exported, or something in it has no counterpart.
    """
    path = Path(weights) if weights is not None else Path(f"{name}.safetensors")
    if path.exists() and not is_weights(path):
        raise UserError(f"{path}: exists already, and accelsim did not write it; give weights= another file")
    source = Path(f"{type(module).__name__} (torch)")
    network = import_onnx(_exported(module, example_input), source)
    workload = as_workload(network, name, f"PyTorch module {type(module).__name__}.", dataset, str(path.absolute()))
    save_weights(network.values, path)
    return workload.workload


def _exported(module: Any, example: Any) -> Any:
    """The module as an ONNX model, with batch norm and dropout left as they are: ``optimize`` would fold them."""
    torch = _torch()
    onnx_library()
    if not isinstance(module, torch.nn.Module) or not isinstance(example, torch.Tensor):
        found = f"{type(module).__name__} and {type(example).__name__}"
        raise UserError(f"from_torch takes a torch.nn.Module and one example tensor, not {found}")
    # A batch of one would look like axes of one element.
    batch = torch.cat([example, example]) if example.shape[:1] == (1,) else example
    try:
        program = torch.onnx.export(module, (batch,), dynamo=True, optimize=False, verbose=False)
    except ImportError as error:
        raise UserError(f"exporting needs the package onnxscript: pip install 'accelsim[torch]' ({error})") from error
    except Exception as error:  # whatever the exporter raises for a module that it can't follow
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(f"{type(module).__name__} can't be exported to ONNX: {first}") from error
    return program.model_proto


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise UserError("from_torch needs the package torch: pip install 'accelsim[torch]'") from error
    return torch
