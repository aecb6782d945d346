"""Kernels of the update unit: the steps of an optimizer on floats."""

from __future__ import annotations

from typing import Any


class UpdateKernels:
    """Arrays and factors of one floating-point type; each product and each sum is rounded to it."""

    def multiply_add(self, x: Any, factor: Any, y: Any) -> Any:
        """x factor + y."""
        return x * factor + y

    def momentum(self, v: Any, momentum: Any, g: Any, w: Any, decay: Any) -> Any:
        """The new velocity: momentum v + (g + decay w)."""
        return self.multiply_add(v, momentum, self.multiply_add(w, decay, g) if decay else g)
