"""Whether this computer can emulate a training step at all."""

from __future__ import annotations

import os

from accelsim.errors import UserError
from accelsim.networks import Traced

EMULATED_BYTES = 4
"""Least bytes that a parameter takes here, whatever its format on the accelerator."""


def check_memory(traced: Traced) -> None:
    """Refuse a training that can't fit into this computer's memory; the estimate is a lower bound.

    Raises:
        UserError: it needs more memory than there is.
    """
    needed, present = traced.program.peak_bytes(), _memory_bytes()
    kept = sum(tensor.elements for tensor in traced.program.tensors if tensor.persistent) * EMULATED_BYTES
    if present is not None and max(needed, kept) > present:
        raise UserError(
            f"training needs at least {max(needed, kept) / 2**30:,.1f} GiB of this computer's memory, which has "
            f"{present / 2**30:,.1f} GiB; lower batch_size or the layers' sizes, or use --timing-only"
        )


def _memory_bytes() -> int | None:
    """Physical memory, or None where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
