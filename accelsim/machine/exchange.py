"""Instructions of the links of a cluster: gradients are summed over all machines, and each gets the sums.

Each machine's gradient is rounded once, where the hwconfig says what is sent; the sum is made in the vector unit's
internal format, machine after machine from the first on, as ``collect`` adds the parts of a batch; it is rounded once
more and sent back to all. So all machines have the very same sums, and go on with the same parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from accelsim.errors import InternalError
from accelsim.formats import Role, TensorRule
from accelsim.machine.issue import Issuer, Output
from accelsim.machine.lane_steps import conversion
from accelsim.machine.tensor import Tensor
from accelsim.machine.vector import wide
from accelsim.program import Unit, Work


class Summand(NamedTuple):
    """What is summed under one name: the tensor of each machine whose work is done, in their order.

    ``layer``: whose gradient it is, and whose rule the sum has.
    """

    name: str
    layer: str
    sent: Sequence[Tensor]


class ExchangeInstructions(Issuer):
    """One operation for all tensors that travel together."""

    @property
    def exchanged_role(self) -> Role:
        """What the sums are when they arrive: as they were sent, or else as the update reads gradients."""
        return Role.EXCHANGED_GRADIENT if Role.EXCHANGED_GRADIENT in self.recipe.rules else Role.WEIGHT_GRADIENT

    def sum_rule(self, layer: str) -> TensorRule:
        """How the sum of a gradient of ``layer`` is rounded."""
        return self.recipe.of(layer)[self.exchanged_role]

    def all_reduce(self, bucket: Sequence[Summand]) -> tuple[Tensor, ...]:
        """The sum over all machines of each entry, in the format of ``exchanged_role``; all have the same ``sum_rule``.

        A machine adds up its share of the elements, and converts that, or every sum on its way where each is rounded:
        so many lane steps are counted, beside the links.
        """
        exchange = self.recipe.exchange
        if exchange is None:
            raise InternalError("a machine that trains alone has no links")
        rule, machines = self.sum_rule(bucket[0].layer), exchange.machines
        first = bucket[0].sent[0]
        outputs = [Output(name, sent[0].shape, rule.format, self.exchanged_role) for name, _, sent in bucket]
        additions = (machines - 1) * -(-sum(sent[0].elements for *_, sent in bucket) // machines)
        own: dict[str, Any] = {} if rule == self.recipe[self.exchanged_role] else {"rule_of": bucket[0].layer}
        converted = (rule.format != wide(first)) / (1 if exchange.rounds_each_sum else machines - 1)
        multiplies, adds = conversion(wide(first), rule, scaled=False)
        work = Work(
            additions, self._rescalings(first, first) + converted * multiplies, 1 + converted * adds, wide(first)
        )
        return self.issue(
            "all_reduce",
            Unit.LINK,
            [x for *_, sent in bucket for x in sent],
            outputs,
            work=work,
            **rule.as_attributes,
            machines=machines,
            rounds_each_sum=exchange.rounds_each_sum,
            **own,
        )
