"""Values that are not finite: where they stop a run, and why; an accumulator overflowed, or a training ran away."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from accelsim.datapath.context import Context
from accelsim.errors import UserError
from accelsim.formats import FloatFormat, Format, Role
from accelsim.formats.recipe import SCALED_BELOW_BITS
from accelsim.machine import Tensor
from accelsim.program import Operation

LOWER_RATE = "a lower learning rate may help"
LOWER_SCALE = "a lower learning rate or numerics.loss_scale may help"
GRADIENTS = frozenset(
    {
        Role.GRADIENT_DATA,
        Role.GRADIENT_WEIGHT,
        Role.GRADIENT_NORM,
        Role.WEIGHT_GRADIENT,
        Role.EXCHANGED_GRADIENT,
    }
)


def silent_overflow() -> np.errstate:
    """Floats leave their range without NumPy's warnings, as hardware's do; quantisers and the loss report it."""
    return np.errstate(over="ignore", invalid="ignore", divide="ignore")


def finite_loss(c: Context, loss: Tensor, logits: Tensor) -> tuple[float, Any]:
    """The mean loss of a batch, and the class, (rows,), whose logit is the largest, or the first of several; all in one
    transfer from where the kernels compute.

    Raises:
        UserError: the loss is not finite, or one of the logits isn't.
    """
    xp, data = c.kernels.xp, c.kernels.xp.asarray(logits.data)
    finite, losses, classes = c.kernels.on_host(xp.isfinite(data).all(), loss.data, data.argmax(axis=1))
    if not finite:
        raise diverged(c, "logits are not finite")
    value = float(losses[0])
    if not math.isfinite(value):
        raise diverged(c, f"the loss is {value}")
    return value, classes


def expect_finite_logits(c: Context, logits: Tensor) -> None:
    """Stop where the forward pass has no result.

    Raises:
        UserError: one of the logits isn't finite.
    """
    if not bool(c.kernels.xp.isfinite(logits.data).all()):
        raise diverged(c, "logits are not finite")


def notes_overflow(c: Context, role: Role) -> bool:
    """Whether dynamic loss scaling answers a number of ``role`` that its format can't hold; then it is noted."""
    if role not in GRADIENTS or not c.training or not c.recipe.skips_overflows:
        return False
    c.gradient_overflow = True
    return True


def diverged(c: Context, what: str, advice: str = "") -> UserError:
    """The error of a training, or of an evaluation after it, whose ``what`` has no finite value; ``advice`` where no
    accumulator is to blame."""
    rule = c.recipe.loss_scale
    advice = advice or (LOWER_SCALE if c.training and rule is not None and not rule.dynamic else LOWER_RATE)
    if c.overflow is not None and c.overflow[0] >= c.step - 1:  # weights bring it into the next step
        advice = c.overflow[1]
    if c.training:
        return UserError(f"training diverged: {what} in step {c.step}; {advice}")
    return UserError(f"evaluation diverged: {what} after {c.step} training steps; {advice}")


def watch_overflow(c: Context, op: Operation, operands: Sequence[Tensor], total: Any, format_: FloatFormat) -> None:
    """Remember that sums of finite operands left the range of ``format_``, in case the training diverges by it."""
    xp = c.kernels.xp
    if bool(xp.isfinite(total).all()) or not all(bool(xp.isfinite(x.data).all()) for x in operands):
        return
    scaled = [str(x.role) for x in operands if _fills_its_range(x.format)]
    headroom = f", or numerics.{scaled[0]}.headroom for smaller operands" if scaled else ""
    c.overflow = (
        c.step,
        f"the {format_} accumulators of {op.name} overflowed to infinity in step {c.step} (their largest number is "
        f"{format_.max_normal:g}); mac_array.accumulators.{op.phase} with a wider exponent will help{headroom}",
    )


def _fills_its_range(format_: Format) -> bool:
    """Whether a scale brings the largest value to the format's largest number."""
    return format_.tensor_scaled or (isinstance(format_, FloatFormat) and format_.bits < SCALED_BELOW_BITS)
