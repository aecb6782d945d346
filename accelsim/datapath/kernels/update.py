"""Kernels of the update unit: the steps of an optimizer on floats."""

from __future__ import annotations

from typing import Any

from accelsim.datapath.kernels.portable import sum_in_pairs


class UpdateKernels:
    """Arrays and factors of one floating-point type; each product and each sum is rounded to it."""

    xp: Any

    def multiply_add(self, x: Any, factor: Any, y: Any) -> Any:
        """x factor + y."""
        return x * factor + y

    def momentum(self, v: Any, momentum: Any, g: Any, w: Any, decay: Any) -> Any:
        """The new velocity: momentum v + (g + decay w)."""
        return self.multiply_add(v, momentum, self.multiply_add(w, decay, g) if decay else g)

    def momentum_step(self, w: Any, v: Any, g: Any, momentum: Any, decay: Any, learning_rate: Any) -> tuple[Any, Any]:
        """The new velocity, and the new weights: w - learning_rate times it."""
        kept = self.momentum(v, momentum, g, w, decay)
        return kept, self.multiply_add(kept, -learning_rate, w)

    def sum_of_squares(self, x: Any) -> Any:
        """Squares of all elements added up in pairs (``sum_in_pairs``), (1,)."""
        flat = x.reshape(-1)
        return sum_in_pairs(self.xp, flat * flat)

    def has_overflow(self, x: Any) -> Any:
        """1 where any element is an infinity or NaN, else 0: uint8, (1,)."""
        return (~self.xp.isfinite(x).all()).reshape(1).astype("uint8")
