"""SCALE-Sim's topology files (version 3.0.0): a header, then one layer a line.

Convolutions: ``Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,``.
Matrix products: ``Layer, M, N, K,`` (in that order). Fields are read by their place, as SCALE-Sim does; a comma at the
end of the line, a byte-order mark, spaces and blank lines don't matter, nor do columns with another title or after an
empty one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from accelsim.networks.importers.csv_rows import Row, read_rows
from accelsim.networks.topology import LONGEST, ProductLayer, Topology

CONVOLUTION = (
    "Layer name",
    "IFMAP Height",
    "IFMAP Width",
    "Filter Height",
    "Filter Width",
    "Channels",
    "Num Filter",
    "Strides",
)
GEMM = ("Layer", "M", "N", "K")
DEPTHWISE = "DP"
"""A name that holds this stands for one layer of one channel for each of its channels."""
MOST_CHANNELS = 65536
"""Most channels of such a layer."""


def read_topology(path: Path) -> Topology:
    """Read a topology file.

    Raises:
        UserError: a field is missing or wrong; the message names line and field.
    """
    header, *rows = read_rows(path)
    read = _gemm if _columns(header) is GEMM else _convolution
    layers: list[ProductLayer] = []
    for row in rows:
        _check_extras(header, row, len(GEMM if read is _gemm else CONVOLUTION))
        layers += read(row)
    if not layers:
        raise header.error(0, "there is no layer after the header")
    name = re.sub(r"[^\w.-]+", "_", path.stem)[:100]
    return Topology(name=name, description=f"SCALE-Sim topology {path.name}", layers=_distinct(layers))


def _columns(header: Row) -> tuple[str, ...]:
    """Which of the two kinds of file this is."""
    words = [header.text(index).lower() for index in range(len(header.cells))]
    named = [word for word in words if word]
    if any(word.isdecimal() for word in named[1:]):
        raise header.error(1, "found numbers on the first line, which SCALE-Sim skips; a header is expected")
    if named[1:4] == ["m", "n", "k"]:
        return GEMM
    if len(named) >= len(CONVOLUTION):
        return CONVOLUTION
    kinds = " or ".join(repr(", ".join(columns)) for columns in (CONVOLUTION, GEMM))
    raise header.error(0, f"found the columns {', '.join(named)!r}; allowed: {kinds}")


def _gemm(row: Row) -> Iterator[ProductLayer]:
    m, n, k = (row.number(index, field, LONGEST) for index, field in enumerate(GEMM) if index)
    yield ProductLayer(name=_name(row), input_shape=(m, k, 1), filters=n, kernel=(1, k))


def _convolution(row: Row) -> Iterator[ProductLayer]:
    depthwise = DEPTHWISE in row.text(0)
    most = {"Channels": MOST_CHANNELS} if depthwise else {}
    numbers = [row.number(i, field, most.get(field, LONGEST)) for i, field in enumerate(CONVOLUTION) if i]
    height, width, *kernel, channels, filters, stride = numbers
    for index, size, length in ((3, height, kernel[0]), (4, width, kernel[1])):
        if length > size:
            raise row.error(index, f"{CONVOLUTION[index]}: found {length}, which is more than the image's {size}")
    reach = [_reach(size, length, stride) for size, length in ((height, kernel[0]), (width, kernel[1]))]
    name, copies = _name(row), channels if depthwise else 1
    for copy in range(copies):
        yield ProductLayer(
            name=f"{name}Channel_{copy}" if depthwise else name,
            input_shape=(reach[0], reach[1], 1 if depthwise else channels),
            filters=filters,
            kernel=(kernel[0], kernel[1]),
            stride=(stride, stride),
        )


def _reach(size: int, kernel: int, stride: int) -> int:
    """Pixels that the windows cover: SCALE-Sim rounds their number up, so the last one may reach over the edge."""
    return -(-(size - kernel) // stride) * stride + kernel


def _name(row: Row) -> str:
    return row.text(0)[:150] or f"line{row.line}"


def _check_extras(header: Row, row: Row, known: int) -> None:
    """Refuse what would change the work: structured sparsity, batches, and one cell more than the ``known`` columns."""
    for index in range(len(row.cells)):
        title, found = header.text(index).lower(), row.text(index)
        if found and not title and index == known:
            raise row.error(index, f"found {found!r} in a column that the first line does not name; leave it out")
        if title == "sparsity" and found and not _dense(found):
            raise row.error(index, f"Sparsity: found {found!r}; allowed: 1:1, for sparse products are not simulated")
        if title == "batch size" and found not in ("", "1"):
            raise row.error(index, f"Batch Size: found {found!r}; allowed: 1, for SCALE-Sim has no batches")


def _dense(ratio: str) -> bool:
    kept, _, block = (part.strip() for part in ratio.partition(":"))
    return kept == block and kept.isdecimal()


def _distinct(layers: list[ProductLayer]) -> list[ProductLayer]:
    """The layers with a number after every name that was there before."""
    taken, result = {layer.name for layer in layers}, []
    seen: Counter[str] = Counter()
    for layer in layers:
        seen[layer.name] += 1
        name, number = layer.name, seen[layer.name]
        while number > 1 and name in taken:
            name, number = f"{layer.name}.{number}", number + 1
        taken.add(name)
        result.append(layer if name == layer.name else layer.model_copy(update={"name": name}))
    return result
