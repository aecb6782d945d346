"""Where arrays live: data where the kernels compute, scales and zero points in this computer's memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsim.formats import Role

CHANNEL_FIRST = (Role.WEIGHT, Role.WEIGHT_BACKWARD)
"""Roles whose output channels lie along the first axis; elsewhere channels are the last."""


def on_host(x: Any) -> Any:
    """``x`` as a NumPy array: what scales are worked out from, and what files hold. CuPy's arrays know how, ``get``."""
    return x.get() if hasattr(x, "get") else np.asarray(x)


def is_per_channel(scale: Any) -> bool:
    """True for an array of scales, zero points or limits, False for one number."""
    return isinstance(scale, np.ndarray) and scale.ndim > 0


def on_device(xp: Any, scale: Any) -> Any:
    """A scale, zero point or limit as it meets data: a number as it is, an array (one per channel) in ``xp``."""
    return xp.asarray(scale) if is_per_channel(scale) else scale


def along_channels(scale: Any, axes: int, role: Role) -> Any:
    """``scale`` shaped so that it divides a tensor of ``axes`` axes: per-channel scales along the first or the last."""
    first = is_per_channel(scale) and role in CHANNEL_FIRST
    return np.reshape(scale, (-1, *[1] * (axes - 1))) if first else scale
