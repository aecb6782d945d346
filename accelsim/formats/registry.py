"""Look a format up by the name that hwconfig files use."""

from __future__ import annotations

import re

from accelsim.errors import nearest
from accelsim.formats.flexpoint import FLEX16_5
from accelsim.formats.floating import FLOATS
from accelsim.formats.format import Format
from accelsim.formats.integer import integer
from accelsim.formats.integer_blocks import integer_blocks
from accelsim.formats.mx import MX_FORMATS, block_floating_point
from accelsim.formats.nvfp4 import NVFP4_FORMATS
from accelsim.formats.ternary import BINARY, TERNARY

NAMED: dict[str, Format] = {f.name: f for f in (*FLOATS, *MX_FORMATS, *NVFP4_FORMATS, FLEX16_5, TERNARY, BINARY)}
"""Every format but the integers, alone or in blocks, and block floating point, whose names carry their widths."""
_INTEGER = re.compile(r"(u?)int(\d+)")
_BLOCK = re.compile(r"(bfp|int)(\d+)_b(\d+)")
FORMATS = f"intN, uintN (N up to 64), bfpN_bM, intN_bM, {', '.join(list(NAMED)[:-1])} or {BINARY}"
"""All names, in words."""
_COMMON = ["int8", "int16", "int32", "int48", "uint8", "bfp8_b16", "int8_b32", *NAMED]


def format_by_name(name: str) -> Format:
    """Return the format called ``name``: an integer, a float, or one of ``NAMED``.

    Raises:
        ValueError: there is no such format; the message lists the families and names the nearest one.
    """
    if name in NAMED:
        return NAMED[name]
    if match := _INTEGER.fullmatch(name):
        return integer(int(match[2]), signed=not match[1])
    if match := _BLOCK.fullmatch(name):
        make = block_floating_point if match[1] == "bfp" else integer_blocks
        return make(int(match[2]), int(match[3]))
    raise ValueError(f"no number format is called {name!r}; allowed: {FORMATS}{nearest(name, _COMMON)}")
