"""What each tensor of a step is to an architect: weights, activations, what the backward pass reads again, and so on.

A tensor's role says most of it. Accumulators and other intermediates have no role of that kind: theirs follows from the
phase that makes them and from who reads them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from enum import StrEnum

from accelsim.formats import Role
from accelsim.program import Operation, Phase, Program, TensorSpec, Unit


class TensorClass(StrEnum):
    """Classes in the order in which reports show them."""

    WEIGHT = "weight"
    """Parameters as layers take them: codes of weights, biases, norm parameters; and the master copy where that is
    what a layer reads."""
    ACTIVATION = "activation"
    """Results of the forward pass, or of its recomputation, that only the same reads."""
    STASH = "stash"
    """Results of the forward pass that the backward pass, or recomputation for it, reads again; made again, too."""
    LAYER_GRADIENT = "layer_gradient"
    """Gradients of activations, in all their copies."""
    WEIGHT_GRADIENT = "weight_gradient"
    """Gradients of parameters, and what they are made from."""
    OPTIMIZER = "optimizer"
    """Master copies of parameters, as the update and the conversion to codes move them, and the optimizer's state."""
    STATISTIC = "statistic"
    """Means, spreads and sums of norms, running statistics, and the norm and overflows of gradients."""
    HOST = "host"
    """What the host puts into DRAM (images, tokens, labels, tables of angles) and takes from it (the loss)."""


_BY_ROLE = {
    Role.WEIGHT: TensorClass.WEIGHT,
    Role.WEIGHT_BACKWARD: TensorClass.WEIGHT,
    Role.BIAS: TensorClass.WEIGHT,
    Role.NORM_PARAMETER: TensorClass.WEIGHT,
    Role.ACTIVATION_BACKWARD: TensorClass.STASH,
    Role.GRADIENT_DATA: TensorClass.LAYER_GRADIENT,
    Role.GRADIENT_WEIGHT: TensorClass.LAYER_GRADIENT,
    Role.GRADIENT_NORM: TensorClass.LAYER_GRADIENT,
    Role.WEIGHT_GRADIENT: TensorClass.WEIGHT_GRADIENT,
    Role.EXCHANGED_GRADIENT: TensorClass.WEIGHT_GRADIENT,
    Role.MASTER_WEIGHT: TensorClass.OPTIMIZER,
    Role.OPTIMIZER_STATE: TensorClass.OPTIMIZER,
    Role.NORM_STATISTIC: TensorClass.STATISTIC,
}
"""Classes of the roles that decide by themselves."""
_BACKWARD = frozenset({Phase.DATA_GRADIENT, Phase.WEIGHT_GRADIENT})
_FORWARD = frozenset({Phase.FORWARD, Phase.RECOMPUTE})
_UPDATE = frozenset({Phase.ALL_REDUCE, Phase.UPDATE})
_SUMS = frozenset({"reduce_products", "reduce_row_products"})
"""Sums over a channel or row in the backward of a norm: gradients of its parameters, where they are handed in."""


class TensorClasses:
    """The class of every tensor of ``program``."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._makers: dict[int, Operation] = {}
        self._readers: dict[int, list[Operation]] = defaultdict(list)
        for operation in program.operations:
            for index in operation.outputs:
                self._makers.setdefault(index, operation)
            for index in operation.inputs:
                self._readers[index].append(operation)
        self._classes = [self._class_of(tensor) for tensor in program.tensors]

    def __iter__(self) -> Iterator[TensorClass]:
        """By index."""
        return iter(self._classes)

    def read_by(self, operation: Operation, tensor_index: int) -> TensorClass:
        """What a tensor is to an operation that reads it.

        A master copy is a weight to what computes with it as it is, where no codes are made of it.
        """
        found = self._classes[tensor_index]
        master = self._program.tensors[tensor_index].role is Role.MASTER_WEIGHT
        computes = operation.phase is not Phase.UPDATE and operation.unit is not Unit.QUANTISE
        return TensorClass.WEIGHT if master and computes else found

    def written(self, tensor_index: int) -> TensorClass:
        """What a tensor is to the operation that stores it."""
        return self._classes[tensor_index]

    def _class_of(self, tensor: TensorSpec) -> TensorClass:
        if tensor.role in _BY_ROLE:
            return _BY_ROLE[tensor.role]
        maker = self._makers.get(tensor.index)
        later = _BACKWARD if maker is not None and maker.phase is Phase.RECOMPUTE else _BACKWARD | {Phase.RECOMPUTE}
        backward = self._read_in(tensor, later)
        if tensor.role is Role.LOSS and backward:
            return TensorClass.LAYER_GRADIENT
        if self._is_the_hosts(tensor, maker):
            return TensorClass.HOST
        if maker is None or maker.phase in _FORWARD:
            if maker is not None and tensor.role is Role.INTERNAL and maker.unit is Unit.NORM:
                return TensorClass.STATISTIC
            return TensorClass.STASH if backward else TensorClass.ACTIVATION
        return self._backward_class(tensor, maker)

    def _is_the_hosts(self, tensor: TensorSpec, maker: Operation | None) -> bool:
        """Images and labels as they come, tables, and the loss, which nobody else reads."""
        if tensor.role is Role.LOSS:
            return not self._readers[tensor.index]
        return maker is None and (tensor.persistent or tensor.role in (Role.INPUT, Role.LABEL))

    def _backward_class(self, tensor: TensorSpec, maker: Operation) -> TensorClass:
        """Of an intermediate that isn't made in the forward pass."""
        if maker.phase is Phase.WEIGHT_GRADIENT or self._is_handed_in(tensor):
            return TensorClass.WEIGHT_GRADIENT
        if maker.phase is Phase.UPDATE:
            return TensorClass.STATISTIC
        return TensorClass.STATISTIC if maker.opcode in _SUMS else TensorClass.LAYER_GRADIENT

    def _is_handed_in(self, tensor: TensorSpec) -> bool:
        """Whether it goes to the update, as it is or converted; not sums and flags of all, which have no role."""
        if tensor.role is Role.INTERNAL:
            return False
        converted = (output for reader in self._readers[tensor.index] for output in reader.outputs)
        return self._read_in(tensor, _UPDATE) or any(
            self._program.tensors[index].role is Role.WEIGHT_GRADIENT for index in converted
        )

    def _read_in(self, tensor: TensorSpec, phases: frozenset[Phase]) -> bool:
        return any(reader.phase in phases for reader in self._readers[tensor.index])
