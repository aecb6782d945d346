"""Words that fit the run: sequences where the data are texts, a pass where nothing is trained."""

from __future__ import annotations

from accelsim.reports.result import Result

_STEP = ("one training step", "the training step", "a training step")
_PASS = "one pass of these products"


def reads_text(result: Result) -> bool:
    """Whether a sample of the workload is a sequence of tokens."""
    return bool((result.workload.get("network") or {}).get("tokens"))


def is_forward_only(result: Result) -> bool:
    """Whether the operations that were timed are of the forward pass alone, as those of a topology are."""
    return result.layers["phase"].unique().tolist() == ["forward"]


def worded(text: str, result: Result) -> str:
    """``text``, which speaks of images and training steps, as it holds for ``result``."""
    if reads_text(result):
        text = text.replace("images", "sequences").replace("Images", "Sequences")
    if any(step in text.lower() for step in _STEP) and is_forward_only(result):
        for step in _STEP:
            text = text.replace(step, _PASS).replace(step.capitalize(), _PASS.capitalize())
    return text
