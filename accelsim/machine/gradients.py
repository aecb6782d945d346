"""How layers hand in gradients of parameters, and how those of the parts of a batch are added up."""

from __future__ import annotations

from accelsim.machine.parameter import Parameter
from accelsim.machine.tensor import Tensor
from accelsim.machine.vector import VectorInstructions
from accelsim.program import Phase


class GradientInstructions(VectorInstructions):
    """``gradients`` has each once, with the layer that handed it in: of a batch in parts, the sum so far."""

    def collect(self, parameter: Parameter, gradient: Tensor) -> None:
        """Hand in the gradient of a parameter for the update phase, under the current layer's name.

        From the second part on it is added to the sum of those before, in the vector unit's internal format.
        """
        place = self._place(parameter) if self._parts.number > 1 else None
        if place is None:
            self.gradients.append((self.layer, parameter, gradient))
            return
        with self.scope(phase=Phase.WEIGHT_GRADIENT):
            total = self.add(self.gradients[place][2], gradient, f"{last_name(parameter)}_gradient_sum")
        self.gradients[place] = self.layer, parameter, total

    def _place(self, parameter: Parameter) -> int | None:
        wanted = self.layer, parameter
        return next((i for i, found in enumerate(self.gradients) if found[:2] == wanted), None)


def last_name(parameter: Parameter) -> str:
    """Name without the layer's: weight, bias, gamma."""
    return parameter.name.rpartition(".")[2]
