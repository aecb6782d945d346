"""Whether a training step fits into the memory of the GPU, and if not, which batch would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from accelsim.datapath import Kernels
from accelsim.errors import UserError
from accelsim.networks import Traced
from accelsim.simulation.inputs import Inputs

GIB = 2**30


def check_device_memory(inputs: Inputs, traced: Traced, kernels: Kernels | None) -> None:
    """Refuse, before training, a step that can't fit; the estimate is a lower bound: tensors at the hardware's widths.

    Raises:
        UserError: it needs more than is free.
    """
    memory = kernels.memory() if kernels else None
    needed = traced.program.peak_bytes()
    if memory and needed > memory.free_bytes:
        raise UserError(_message(inputs, needed, memory.free_bytes, inputs.training.batch_size))


@contextmanager
def enough_device_memory(inputs: Inputs, kernels: Kernels | None) -> Iterator[None]:
    """Turn the device's running out of memory into advice; this computer's own is another's business.

    Raises:
        UserError: the device ran out of memory.
    """
    try:
        yield
    except MemoryError as error:
        memory = kernels.memory() if kernels else None
        if memory is None:
            raise
        batch, needed = inputs.training.batch_size, needed_bytes(inputs, inputs.training.batch_size)
        # The estimate held this batch possible and was wrong: half of it is the most that is worth a try.
        raise UserError(_message(inputs, needed, memory.total_bytes, batch // 2 + 1)) from error


def needed_bytes(inputs: Inputs, batch: int) -> int:
    """Most bytes alive at once in a step of ``batch``."""
    workload = inputs.training.model_copy(update={"batch_size": batch})
    return workload.trace(inputs.recipe, every_machine=True).program.peak_bytes()


def largest_batch(fits: Callable[[int], bool], below: int) -> int:
    """The largest batch under ``below`` that ``fits``, by bisection; 0 where not even one image does."""
    low, high = 0, below
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _message(inputs: Inputs, needed: int, present: int, below: int) -> str:
    parts = inputs.hw.machines * inputs.training.micro_batches
    batch = parts * largest_batch(lambda size: needed_bytes(inputs, parts * size) <= present, -(-below // parts))
    fitting = f"a batch_size of {batch} may fit" if batch else f"not even a batch_size of {parts} fits"
    return (
        f"batch_size {inputs.training.batch_size} needs at least {needed / GIB:,.2f} GiB of the GPU's memory, "
        f"which has {present / GIB:,.2f} GiB; {fitting} (--set batch_size={max(batch, parts)}), or more micro_batches, "
        "or give --device cpu"
    )
