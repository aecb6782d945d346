"""Instructions of the vector unit on sequences: embedding tables, offsets that all samples share, and slices."""

from __future__ import annotations

from accelsim.formats import Format, Product, Role
from accelsim.machine.issue import Issuer, Output
from accelsim.machine.tensor import Tensor
from accelsim.machine.vector import wide
from accelsim.program import Unit, Work


class TokenInstructions(Issuer):
    """Sequences are (batch, tokens, width)."""

    def gather(self, table: Tensor, tokens: Tensor) -> Tensor:
        """Rows of ``table`` (vocabulary, width) by ``tokens`` (batch, tokens), in the table's format.

        No other row is read. The datapath refuses a token that is no row of the table.
        """
        output = Output("rows", (*tokens.shape, table.shape[1]), table.format, Role.ACCUMULATOR)
        work = Work(tokens.elements * table.shape[1], 0, 0, table.format)
        return self.issue("gather", Unit.VECTOR, [table, tokens], [output], work=work)[0]

    def scatter_add(self, g: Tensor, tokens: Tensor, vocabulary: int) -> Tensor:
        """Sum of the gradients g (batch, tokens, width) of each row of a table, zeros where none was read.

        That is the weight gradient of the product with one-hot rows, and integers have its accumulators: exact in any
        order (where those saturate, once, at the end).
        """
        output = Output("weight_product", (vocabulary, g.shape[-1]), self._accumulator(g), Role.ACCUMULATOR)
        work = Work(g.elements, int(self._is_scaled(g)), 1, output.format)
        return self.issue("scatter_add", Unit.VECTOR, [g, tokens], [output], work=work)[0]

    def add_parameter(self, x: Tensor, offset: Tensor) -> Tensor:
        """x (batch, ...) plus the same offset (...) for every sample, as ``add`` adds.

        Raises:
            ValueError: the offset has another shape than a sample.
        """
        if x.shape[1:] != offset.shape:
            raise ValueError(f"cannot add {offset.name} of shape {offset.shape} to samples of shape {x.shape[1:]}")
        work = Work(x.elements, self._rescalings(x, offset), 1, wide(x))
        output = Output("sum", x.shape, wide(x), Role.ACCUMULATOR)
        return self.issue("add_parameter", Unit.VECTOR, [x, offset], [output], work=work)[0]

    def prepend(self, x: Tensor, token: Tensor) -> Tensor:
        """``token`` (width,) in front of the tokens of each sample of x, on a scale that holds both."""
        batch, tokens, width = x.shape
        output = Output("tokens", (batch, tokens + 1, width), wide(x), Role.ACCUMULATOR)
        rescaled = (tokens * self._rescalings(x) + self._rescalings(token)) / (tokens + 1)
        work = Work(batch * (tokens + 1) * width, rescaled, 0, wide(x))
        return self.issue("prepend", Unit.VECTOR, [x, token], [output], work=work)[0]

    def slice_tokens(self, x: Tensor, start: int, stop: int) -> Tensor:
        """Tokens ``start`` to before ``stop`` of each sample, in x's format and scale; reads these alone.

        Raises:
            ValueError: there are no such tokens.
        """
        batch, tokens, width = x.shape
        if not 0 <= start < stop <= tokens:
            raise ValueError(f"needs tokens {start} to {stop - 1}, but its input has {tokens}")
        output = Output("tokens", (batch, stop - start, width), x.format, x.role)
        work = Work(batch * (stop - start) * width, 0, 0, x.format)
        return self.issue("slice_tokens", Unit.VECTOR, [x], [output], work=work, start=start)[0]

    def slice_tokens_backward(self, g: Tensor, start: int, tokens: int) -> Tensor:
        """g in its place among ``tokens`` tokens, zeros elsewhere, which lanes write as they do the rest."""
        batch, _, width = g.shape
        output = Output("input_gradient", (batch, tokens, width), g.format, g.role)
        work = Work(batch * tokens * width, 0, 0, g.format)
        return self.issue("slice_tokens_backward", Unit.VECTOR, [g], [output], work=work, start=start)[0]

    def _accumulator(self, g: Tensor) -> Format:
        accumulator = self.recipe.accumulators[Product.WEIGHT_GRADIENT]
        return accumulator if g.format.is_integer and accumulator.is_integer else wide(g)
