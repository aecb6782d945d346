"""A watcher that keeps tensors of a step, for analyses of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import numpy as np

from accelsim.datapath.arrays import along_channels, on_host
from accelsim.machine import Tensor, Value
from accelsim.program import Operation, TensorSpec


class Kept(NamedTuple):
    """A tensor as it was made: ``codes`` in the storage of its format, and their ``scale`` and ``zero_point``.

    Those of channels lie along the axis of the channels.
    """

    spec: TensorSpec
    codes: Any
    scale: Any
    zero_point: Any

    @property
    def real(self) -> Any:
        """(codes - zero point) x scale in double precision."""
        return (self.codes.astype(np.float64) - self.zero_point) * self.scale


class KeptTensors:
    """A ``Watcher`` that copies what operations make to the host, by the tensors' names, those of ``dtypes.csv``.

    ``patterns`` are shell patterns of names; without one all are kept. Parameters and what the optimizer keeps of them
    are overwritten, not made: they are in the checkpoint.
    """

    def __init__(self, *patterns: str) -> None:
        self.patterns = patterns or ("*",)
        self.tensors: dict[str, Kept] = {}

    def see(
        self,
        xp: Any,
        op: Operation,
        inputs: Sequence[Tensor],
        outputs: Sequence[TensorSpec],
        values: Sequence[Value],
    ) -> None:
        """Take in one operation that has just been executed."""
        for spec, value in zip(outputs, values, strict=True):
            if any(fnmatchcase(spec.name, pattern) for pattern in self.patterns):
                numbers = [along_channels(number, len(spec.shape), spec.role) for number in value[1:]]
                scale, zero = (None if number is None else on_host(number) for number in numbers)
                self.tensors[spec.name] = Kept(spec, np.array(on_host(value.data)), scale, 0 if zero is None else zero)
