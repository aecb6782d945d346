"""Rows of a study: what every number of bits makes of one tensor, and of the weight gradient that it goes into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from accelsim.datapath.arrays import CHANNEL_FIRST
from accelsim.formats import FP32, Granularity, Recipe, Role
from accelsim.machine import Tensor, Value
from accelsim.program import Operation, TensorSpec
from accelsim.reports.precision.classes import WEIGHT_GRADIENT, WEIGHT_PATH
from accelsim.studies.precision.distribution import EDGES, distribution_of, histogram_of
from accelsim.studies.precision.likeness import Row, likeness, likeness_of_results, real
from accelsim.studies.precision.readers import ROLES
from accelsim.studies.precision.theory import Quantiser, gaussian_cosine, paper_bound, right_triangle_bound
from accelsim.studies.precision.trial import Trials, with_bits


@dataclass
class Measurements:
    """Rows of one step, in the order of the step; ``bits`` are tried under ``rules``."""

    step: int
    trials: Trials
    rules: Recipe
    bits: Sequence[int]
    rows: list[Row] = field(default_factory=list)
    histograms: list[Row] = field(default_factory=list)

    def tensor(self, xp: Any, x: Tensor, name: str, kind: str, layer: str) -> None:
        """Measure what the quantiser ``name`` would make of ``x``, a tensor of class ``kind`` that ``layer`` reads."""
        role, values = ROLES[kind], real(xp, x.data, x.scale)
        known = self._described(xp, values, {"layer": layer, "tensor": name, "class": kind}, role)
        for bits in self.bits:
            made = self.trials.quantised(x, name, role, bits, layer)
            found = likeness(xp, x, values, made)
            self.rows.append({**known, "bits": bits, **found, **self._theory(x, role, bits, layer)})

    def weight_gradient(
        self, xp: Any, op: Operation, operands: tuple[Tensor, Tensor], exact: Tensor, name: str, output: TensorSpec
    ) -> None:
        """Measure the product ``op`` with copies of its gradient, which the quantiser ``name`` makes of ``exact``."""
        role = ROLES[WEIGHT_PATH]
        true = self.trials.weight_product(op, *operands, exact.value, output.shape)
        spec = TensorSpec(-1, output.name, output.shape, FP32, Role.ACCUMULATOR)
        tensor = Tensor(spec, spec.shape, Value(true))
        identity = {"layer": op.layer, "tensor": output.name, "class": WEIGHT_GRADIENT}
        known = self._described(xp, real(xp, true, 1.0), identity, role)
        for bits in self.bits:
            made = self.trials.quantised(exact, name, role, bits, op.layer)
            copied = self.trials.weight_product(op, *operands, Value(made.codes, made.scale), output.shape)
            self.rows.append({**known, "bits": bits, **likeness_of_results(xp, tensor, copied)})

    def _described(self, xp: Any, values: Any, identity: Row, role: Role) -> Row:
        """What is known of a tensor before any number of bits is tried; its histogram is taken, too."""
        shape, rule = distribution_of(xp, values), self.rules.of(str(identity["layer"]))[role]
        identity = {"step": self.step, **identity}
        self._count(identity, histogram_of(xp, values, shape.rms))
        machine = {"machine_format": str(rule.format), "machine_bits": rule.format.bits, "rounding": str(rule.rounding)}
        return {**identity, **machine, "elements": int(values.size), **shape._asdict()}

    def _theory(self, x: Tensor, role: Role, bits: int, layer: str) -> Row:
        rule = with_bits(self.rules.of(layer)[role], bits)
        sharing = x.elements
        if rule.granularity is Granularity.PER_CHANNEL:
            sharing //= x.shape[0 if role in CHANNEL_FIRST else -1]
        elif rule.granularity is Granularity.PER_SAMPLE_AVERAGE:
            sharing //= x.shape[0]
        quantiser = Quantiser(bits, rule.rounding, rule.affine, rule.headroom)
        expected = gaussian_cosine(x.elements, sharing, quantiser)
        return {
            "gaussian_cosine": expected.mean,
            "gaussian_sd": expected.deviation,
            "paper_bound": paper_bound(sharing, bits),
            "right_triangle_bound": right_triangle_bound(sharing, bits),
        }

    def _count(self, identity: Row, found: Any) -> None:
        if found is None:
            return
        edges = [float(np.round(edge, 6)) for edge in EDGES]
        for low, high, elements in zip(edges[:-1], edges[1:], found, strict=True):
            row = {**identity, "low_over_rms": low, "high_over_rms": high, "elements": int(elements)}
            self.histograms.append(row)
