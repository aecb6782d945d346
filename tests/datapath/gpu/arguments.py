"""What a device takes at a launch: sizes of grid and block, and arguments of the types of the kernel's parameters.

A device says nothing of an argument of another type: it reads the bits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from accelsim.datapath.kernels.gpu.source import FOLDER, KERNELS, TYPES

MOST_BLOCKS, MOST_THREADS = (2**31 - 1, 65535, 65535), (1024, 1024, 64)
"""Sizes of a grid and of a block, after the CUDA C++ Programming Guide."""
UNITS = ("Unit", "Chunk", "Quad", "u32", "i32")
"""Types in which kernels load several codes at once."""


def check(name: str, parameters: Any, grid: Sequence[int], block: Sequence[int], arguments: Sequence[Any]) -> None:
    """Refuse a launch that a device would refuse, or misread.

    Raises:
        TypeError: an argument is not what the kernel takes.
        ValueError: grid or block are too large, or empty.
    """
    _check_size(name, grid, block)
    _check_arguments(name, parameters, arguments)


def _check_size(name: str, grid: Sequence[int], block: Sequence[int]) -> None:
    """Refuse what a device would not launch."""
    sizes = [
        (size, most)
        for found, mosts in ((grid, MOST_BLOCKS), (block, MOST_THREADS))
        for size, most in zip(found, mosts, strict=False)
    ]
    if not all(isinstance(size, int) and 0 < size <= most for size, most in sizes) or np.prod(block) > MOST_THREADS[0]:
        raise ValueError(f"{name}: no device launches {tuple(grid)} blocks of {tuple(block)} threads")


def _check_arguments(name: str, parameters: Any, arguments: Sequence[Any]) -> None:
    """Refuse arguments of other types than the kernel's parameters: a device reads their bits all the same."""
    wanted = _parameters(name)
    if len(wanted) != len(arguments):
        raise TypeError(f"{name} takes {len(wanted)} arguments, not {len(arguments)}")
    named = {key: TYPES[value] for key, value in parameters if isinstance(value, str)}
    for (type_, is_pointer), x in zip(wanted, arguments, strict=True):
        units = is_pointer and type_ in UNITS and isinstance(x, np.ndarray)
        if not _fits(named.get(type_, type_), is_pointer, x) and not (units and x.dtype in (np.int8, np.int16)):
            raise TypeError(f"{name}: {type(x).__name__} {getattr(x, 'dtype', '')} for {type_}{' *' * is_pointer}")
        if units and x.nbytes and x.ctypes.data % 16:
            raise TypeError(f"{name}: an array that does not start at 16 bytes, for {type_} *")


def _parameters(name: str) -> list[tuple[str, bool]]:
    """Type of each parameter in the source, and whether it's a pointer."""
    text = (FOLDER / KERNELS[name].file).read_text(encoding="utf-8")
    listed = re.search(rf"^KERNEL {name}\(([^)]*)\)", text, re.MULTILINE)[1].split(",")
    found = [re.fullmatch(r"(?:const )?(\w+)(\*?) \w+", " ".join(one.split())) for one in listed]
    return [(one[1], bool(one[2])) for one in found]


def _fits(type_: str, is_pointer: bool, x: Any) -> bool:
    if not is_pointer:
        whole = isinstance(x, int | np.integer) and -(2**63) <= x < 2**63
        return whole if type_ == "i64" else type_ == "f64" and isinstance(x, float)
    if x is None or not isinstance(x, np.ndarray):
        return x is None
    names = TYPES | {"uint8": "u8", "uint16": "u16", "uint64": "u64"}
    return names.get(str(x.dtype)) == type_
