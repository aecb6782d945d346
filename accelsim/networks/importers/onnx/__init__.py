"""ONNX models, read as the layers of a network and the values of its parameters."""

from accelsim.networks.importers.onnx.network import ImportedNetwork, import_onnx
from accelsim.networks.importers.onnx.reading import read_model

__all__ = ["ImportedNetwork", "import_onnx", "read_model"]
