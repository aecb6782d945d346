"""A workload as the text of its file: layers one a line, as people write them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from accelsim.layers import Layer
from accelsim.networks.workload import Workload

WIDEST = 1_000_000
"""Columns of a line: none is broken."""


def workload_text(workload: Workload, comments: Sequence[str] = ()) -> str:
    """YAML that reads back as ``workload``, with ``comments`` above it."""
    plain = workload.model_dump(mode="json", exclude_defaults=True, exclude={"network"})
    optimizer = workload.optimizer
    plain["optimizer"] = {"kind": optimizer.kind} | optimizer.model_dump(mode="json", exclude_defaults=True)
    network = workload.network.model_dump(mode="json", exclude_defaults=True, exclude={"layers"})
    lines = [f"# {line}" for comment in comments for line in comment.splitlines()]
    for field in ("name", "description", "dataset"):
        lines += _entry(field, plain.pop(field, None))
    lines.append("network:")
    for field, value in network.items():
        lines += [f"  {line}" for line in _entry(field, value)]
    lines += ["  layers:", *_layers(workload.network.layers, "    ")]
    for field, value in plain.items():
        lines += _entry(field, value)
    return "\n".join(lines) + "\n"


def _entry(field: str, value: Any) -> list[str]:
    return [] if value is None else [f"{field}: {_flow(value)}"]


def _layers(layers: Sequence[Layer], indent: str) -> Iterator[str]:
    for layer in layers:
        branches = dict(zip(layer.child_fields(), layer.children(), strict=True))
        fields = layer.model_dump(mode="json", exclude_defaults=True, exclude=set(branches))
        fields = {
            name: _one_number(value) for name, value in sorted(fields.items(), key=lambda item: item[0] != "name")
        }
        if not any(branches.values()):
            yield f"{indent}- {layer.kind}" + (f": {_flow(fields)}" if fields else "")
            continue
        yield f"{indent}- {layer.kind}:"
        for name, value in fields.items():
            yield f"{indent}    {name}: {_flow(value)}"
        for name, branch in branches.items():
            if branch:
                yield f"{indent}    {name}:"
                yield from _layers(branch, indent + "      ")


def _one_number(value: Any) -> Any:
    """One number for both axes of a window."""
    return value[0] if isinstance(value, list) and len(value) == 2 and value[0] == value[1] else value


def _flow(value: Any) -> str:
    """A value on one line."""
    return (
        yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=WIDEST).removesuffix("\n...\n").rstrip()
    )
