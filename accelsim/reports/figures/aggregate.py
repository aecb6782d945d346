"""Sums over a Result's operations, in the order that figures and tables show them."""

from __future__ import annotations

import html

import pandas as pd

from accelsim.reports.palette import COMPONENTS, PHASES

NO_LAYER = "(no layer)"


def text(value: object) -> str:
    """``value`` for a plotly label, which understands a few HTML tags."""
    return html.escape(str(value), quote=False)


def label(layer: object) -> str:
    """A layer's name as axis label."""
    return text(layer) if layer else NO_LAYER


def part_labels(operations: pd.DataFrame) -> list[str]:
    """What to say of each operation's part of the batch: nothing where that is in one, or a run knows of none."""
    parts = operations["part"].tolist() if "part" in operations else [0] * len(operations)
    return [f", part {part}" if part else "" for part in parts]


def layer_labels(layers: pd.DataFrame) -> list[str]:
    """Layers in order of first appearance."""
    return list(dict.fromkeys(label(name) for name in layers["layer"].unique().tolist()))


def phases(frame: pd.DataFrame) -> list[str]:
    """Phases that occur, in the order of a training step; unknown ones last."""
    found: list[str] = frame["phase"].unique().tolist()
    return [phase for phase in PHASES if phase in found] + [phase for phase in found if phase not in PHASES]


def phase_title(phase: str) -> str:
    """Readable name of a phase."""
    return PHASES.get(phase, text(phase))


def by_layer(layers: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Sums of ``columns``, one row a layer, in order of first appearance; the index holds the labels."""
    return _sums(layers.assign(key=[label(name) for name in layers["layer"].tolist()]), columns)


def by_phase(layers: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Sums of ``columns``, one row a phase, in step order."""
    return _sums(layers.assign(key=layers["phase"]), columns).reindex(phases(layers))


def components(layers: pd.DataFrame) -> list[str]:
    """Energy components that are known and not all zero."""
    return [name for name in COMPONENTS if numbers(layers, f"energy_{name}_pj").sum() > 0]


def numbers(frame: pd.DataFrame, column: str) -> pd.Series[float]:
    """A column as floats; missing values, and all of a column that a run has no use for, as zero."""
    if column not in frame:
        return pd.Series(0.0, index=frame.index)
    return pd.to_numeric(frame[column]).astype(float).fillna(0.0)


def _sums(keyed: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame({"key": keyed["key"], **{name: numbers(keyed, name) for name in columns}})
    return frame.groupby("key", sort=False).sum()
