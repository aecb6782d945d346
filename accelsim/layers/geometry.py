"""Fields that windows share: one number for both axes, or a pair."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field


def _pair(found: Any) -> Any:
    return (found, found) if isinstance(found, int) and not isinstance(found, bool) else found


AS_PAIR = BeforeValidator(_pair)
"""Lets one number stand for both axes."""
Size = Annotated[int, Field(ge=1, le=4096)]
Pair = Annotated[tuple[Size, Size], AS_PAIR]
PaddingPair = Annotated[tuple[Annotated[int, Field(ge=0, le=4096)], Annotated[int, Field(ge=0, le=4096)]], AS_PAIR]
