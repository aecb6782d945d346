"""Reading the user's YAML files: safe, with units, and with errors that name line and field."""

from accelsim.yamlfile.allowed import Allowed, Name
from accelsim.yamlfile.blocks import expand_blocks
from accelsim.yamlfile.faults import Fault, refuse
from accelsim.yamlfile.kinds import kind_of
from accelsim.yamlfile.loader import load_model, validated
from accelsim.yamlfile.marks import MarkedYaml, read_marked
from accelsim.yamlfile.model import FileModel
from accelsim.yamlfile.overrides import override, split_setting
from accelsim.yamlfile.quantity import quantity

__all__ = [
    "Allowed",
    "Fault",
    "FileModel",
    "MarkedYaml",
    "Name",
    "expand_blocks",
    "kind_of",
    "load_model",
    "override",
    "quantity",
    "read_marked",
    "refuse",
    "split_setting",
    "validated",
]
