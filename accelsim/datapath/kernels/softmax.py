"""Kernels of the loss: softmax and cross-entropy of floats in double precision, the same bits everywhere."""

from __future__ import annotations

from typing import Any

from accelsim.datapath.kernels.portable import portable_exp, portable_log, sum_in_pairs

SOFTMAX_BITS = 40
"""Fraction bits of the exponentials before they are added up, which makes their sum exact in any order."""


class SoftmaxKernels:
    """Rows of logits (rows, classes). A row whose largest is not finite, NaN or an infinity, becomes NaN."""

    xp: Any

    def softmax(self, logits: Any) -> Any:
        """Probabilities (rows, classes) as float64."""
        _, weights, total = self._exponentials(logits)
        return weights / total

    def softmax_and_losses(self, logits: Any, labels: Any, smoothing: float) -> tuple[Any, Any]:
        """Probabilities as ``softmax`` has them, and each row's cross-entropy (rows,), both float64.

        The target is 1 - ``smoothing`` for the label, and ``smoothing`` / classes more for every class. A loss is the
        logarithm of the exponentials' sum less the logit, so no margin is too large for it.
        """
        xp, (rows, classes) = self.xp, logits.shape
        below, weights, total = self._exponentials(logits)
        losses = portable_log(xp, total[:, 0] * 2.0**-SOFTMAX_BITS)
        losses = losses - (1.0 - smoothing) * below[xp.arange(rows), labels]
        if smoothing:
            losses = losses - smoothing / classes * sum_in_pairs(xp, below)[:, 0]
        return weights / total, losses

    def _exponentials(self, logits: Any) -> tuple[Any, Any, Any]:
        """Distances to the row's largest (0 in a row that becomes NaN), their exponentials as codes of
        ``SOFTMAX_BITS`` fraction bits, and those codes' sums (rows, 1)."""
        xp = self.xp
        peak = logits.max(axis=1, keepdims=True)
        finite = xp.isfinite(peak)
        below = logits.astype(xp.float64) - xp.where(finite, peak, 0.0)
        # No integer stands for NaN: such rows get a sum of NaN instead.
        below[~finite[:, 0]] = 0.0
        weights = xp.rint(portable_exp(xp, below) * 2.0**SOFTMAX_BITS).astype(xp.int64)
        return below, weights, xp.where(finite, weights.sum(axis=1, keepdims=True), xp.nan)
