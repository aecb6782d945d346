"""Reading the user's YAML files: safe, with units, and with errors that name line and field."""

from accelsim.yamlfile.loader import load_model
from accelsim.yamlfile.model import FileModel
from accelsim.yamlfile.quantity import quantity

__all__ = ["FileModel", "load_model", "quantity"]
