"""How like a tensor its codes are: the figures of ``quantisers.csv``, and the bias of the sum."""

from __future__ import annotations

from typing import Any

from accelsim.datapath.arrays import on_device
from accelsim.datapath.counts import statistics_of
from accelsim.formats import FP32
from accelsim.machine import Tensor
from accelsim.studies.precision.trial import Trial

Row = dict[str, Any]


def real(xp: Any, data: Any, scale: Any, zero_point: Any = None) -> Any:
    """What codes stand for, a new array in double precision."""
    values = xp.asarray(data).astype("float64")
    if zero_point is not None:
        values -= on_device(xp, zero_point)
    values *= on_device(xp, scale)
    return values


def likeness(xp: Any, x: Tensor, values: Any, made: Trial) -> Row:
    """Of a tensor, whose real values are ``values``, and its codes."""
    found = statistics_of(xp, x, made.codes, made.scale, made.format, made.zero_point)
    return {
        "cosine": found.cosine,
        "sqnr_db": found.sqnr_db,
        "relative_bias": _bias(xp, values, real(xp, made.codes, made.scale, made.zero_point)),
        "saturated_share": found.saturated / found.elements,
        "zero_share": found.zeros / found.elements,
        "effective_bits": found.effective_bits,
    }


def likeness_of_results(xp: Any, true: Tensor, found: Any) -> Row:
    """Of a result in floats and the same result from rounded operands."""
    counted = statistics_of(xp, true, found, 1.0, FP32)
    values = real(xp, true.data, true.scale)
    return {
        "cosine": counted.cosine,
        "sqnr_db": counted.sqnr_db,
        "relative_bias": _bias(xp, values, found.astype("float64")),
        "zero_share": counted.zeros / counted.elements,
    }


def _bias(xp: Any, values: Any, held: Any) -> float | None:
    """Sum of the errors over the sum of the magnitudes; None where all values are zero."""
    magnitudes = float(xp.abs(values).sum())
    return float((held - values).sum()) / magnitudes if magnitudes else None
