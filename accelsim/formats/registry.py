"""Look a format up by the name that hwconfig files use."""

from __future__ import annotations

import re

from accelsim.errors import nearest
from accelsim.formats.floating import FP32
from accelsim.formats.format import Format
from accelsim.formats.integer import integer

FLOATS: dict[str, Format] = {FP32.name: FP32}
_INTEGER = re.compile(r"(u?)int(\d+)")
_COMMON = ["int8", "int16", "int32", "int48", "uint8", *FLOATS]


def format_by_name(name: str) -> Format:
    """Return the format called ``name``: ``int2`` .. ``int64``, ``uint1`` .. ``uint64`` or a float.

    Raises:
        ValueError: there is no such format; the message names the nearest one.
    """
    if name in FLOATS:
        return FLOATS[name]
    match = _INTEGER.fullmatch(name)
    if match:
        return integer(int(match[2]), signed=not match[1])
    allowed = f"intN, uintN (N up to 64) or {', '.join(FLOATS)}"
    raise ValueError(f"no number format is called {name!r}; allowed: {allowed}{nearest(name, _COMMON)}")
