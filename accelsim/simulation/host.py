"""Whether this computer can emulate a training step, or an evaluation, at all."""

from __future__ import annotations

import os

from accelsim.errors import UserError
from accelsim.formats import Recipe
from accelsim.networks import Network, Traced
from accelsim.program import Program
from accelsim.tracing import Tracer
from accelsim.training.evaluation import EVALUATION_BATCH

EMULATED_BYTES = 4
"""Least bytes that a parameter takes here, whatever its format on the accelerator."""


def check_memory(traced: Traced) -> None:
    """Refuse a training that can't fit into this computer's memory; the estimate is a lower bound.

    Raises:
        UserError: it needs more memory than there is.
    """
    _check(
        traced.program, "training", "lower batch_size or the layers' sizes, raise micro_batches, or use --timing-only"
    )


def check_evaluation_memory(network: Network, recipe: Recipe, images: int = 1) -> None:
    """Refuse an evaluation of so many images, or texts, as ``check_memory`` does; they come in groups.

    Raises:
        UserError: it needs more memory than there is.
    """
    tracer, batch = Tracer(recipe), min(images, EVALUATION_BATCH)
    tracer.begin(training=False)
    network.forward(tracer, None, None, batch)
    group = f"evaluating a group of {batch}" if batch > 1 else "evaluating"
    _check(tracer.program, group, "evaluate it on a computer that has more, or lower the layers' sizes")


def _check(program: Program, what: str, remedy: str) -> None:
    needed, present = program.peak_bytes(), _memory_bytes()
    kept = sum(tensor.elements for tensor in program.tensors if tensor.persistent) * EMULATED_BYTES
    if present is not None and max(needed, kept) > present:
        raise UserError(
            f"{what} needs at least {max(needed, kept) / 2**30:,.1f} GiB of this computer's memory, which has "
            f"{present / 2**30:,.1f} GiB; {remedy}"
        )


def _memory_bytes() -> int | None:
    """Physical memory, or None where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
