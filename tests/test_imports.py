"""Imports run downwards: the rooms of docs/architecture.md, held by reading every import in the package."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOMS = [
    {"__main__", "__init__"},
    {"cli"},
    {"studies"},
    {"simulation"},
    {"reports"},
    {"training"},
    {"energy"},
    {"timing"},
    {"networks"},
    {"layers"},
    {"datapath", "tracing"},
    {"machine"},
    {"program"},
    {"hardware"},
    {"formats"},
    {"yamlfile"},
    {"atomic", "progress", "recompile"},
    {"errors", "version"},
]
"""From top to bottom; a room may import the rooms below it."""
FORBIDDEN = {
    "timing": {"networks", "layers", "machine", "datapath", "tracing"},
    "energy": {"networks", "layers", "machine", "datapath", "tracing"},
    "datapath": {"hardware", "yamlfile"},
    "machine": {"hardware", "yamlfile"},
    "program": {"hardware", "yamlfile"},
    "tracing": {"hardware", "yamlfile"},
    "formats": {"yamlfile"},
    "reports": {"training", "networks", "layers", "datapath", "machine"},
}
"""Downward imports that would still break a wall: timing and energy know Programs, not networks."""

PACKAGE = Path(__file__).parents[1] / "accelsim"
LEVEL = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}


def _room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _imports(path: Path) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{a.name}" if node.module == "accelsim" else node.module for a in node.names]
        found += [(node.lineno, "__init__") for name in names if name == "accelsim"]
        found += [(node.lineno, name.split(".")[1]) for name in names if name.startswith("accelsim.")]
    return found


def _modules(path: Path) -> set[str]:
    """Modules of the package that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


def _name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


FILES = sorted(PACKAGE.rglob("*.py"))


def test_every_room_has_a_level():
    assert {_room(path) for path in FILES} == set(LEVEL)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_downwards(path):
    room = _room(path)
    for line, other in _imports(path):
        if other == room:
            continue
        assert LEVEL[other] > LEVEL[room], f"{path}:{line}: {room} imports {other}, which is not below it"
        assert other not in FORBIDDEN.get(room, set()), f"{path}:{line}: {room} must not know {other}"


def test_no_files_import_each_other_in_a_circle():
    """Nor does one that imports another only where a function needs it."""
    rooms = {_name(path): path for path in FILES if path.name != "__init__.py"}
    order = TopologicalSorter({name: _modules(path) & set(rooms) - {name} for name, path in rooms.items()})
    order.prepare()
