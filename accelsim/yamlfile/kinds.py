"""Which kind of file some data is, told by its fields."""

from __future__ import annotations

from typing import Any

from accelsim.yamlfile.marks import MarkedYaml
from accelsim.yamlfile.wording import shown

_HWCONFIG = "clock_mhz technology mac_array vector_unit norm_unit quantise_unit update_unit buffers dram numerics"
_WORKLOAD = "dataset network batch_size epochs optimizer schedule seed"
_TOPOLOGY = "layers"
_FIELDS = {"hwconfig": _HWCONFIG, "workload": _WORKLOAD, "topology": _TOPOLOGY}
SIGNATURES = {kind: frozenset(fields.split()) for kind, fields in _FIELDS.items()}
"""Fields that only one kind of file has."""


def kind_of(data: Any) -> str | None:
    """The kind of file that shares most fields with ``data``; None where none shares any."""
    keys = set(data) if isinstance(data, dict) else set()
    best = max(SIGNATURES, key=lambda kind: len(SIGNATURES[kind] & keys))
    return best if SIGNATURES[best] & keys else None


def expect_kind(marked: MarkedYaml, wanted: str) -> None:
    """Refuse another kind of file.

    Raises:
        UserError: the file holds no fields, or looks like the other kind.
    """
    found = kind_of(marked.data)
    if not isinstance(marked.data, dict):
        what = f"the file holds {shown(marked.data)}, not fields"
        raise marked.error((), f"{what}; a {wanted} has lines such as 'name: value'")
    if found not in (None, wanted):
        raise marked.error((), f"this looks like a {found} file, and a {wanted} is expected here")
