"""Ranges of activations for a machine that did not train the weights: measured on training images."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from accelsim.datapath import Datapath, ScaleState
from accelsim.datapath.divergence import silent_overflow
from accelsim.datapath.units.affine_scale import lower_end
from accelsim.networks import Network
from accelsim.progress import Observer, watched
from accelsim.training.datasets import Dataset
from accelsim.training.evaluation import as_codes, in_order


def calibrate(
    network: Network, machine: Datapath, dataset: Dataset, images: int, *, step: int, observer: Observer
) -> int:
    """Give ``machine`` the ranges that it lacks; returns how many images they were measured on.

    Training images pass without augmentation, statistics of norms are the running ones, and a range is the mean of what
    the batches have, weighted by their images; a batch of zeros has none. Where all ranges that the first batch has are
    known already they stay, and the answer is 0.
    """
    context, known = machine.context, machine.context.scales
    count, lacking, exponents = min(images, len(dataset.train)), False, dict(known.autoflex)
    totals, seen = defaultdict[str, float](float), defaultdict[str, int](int)
    context.calibrating = True
    try:
        with watched(observer, "calibrate", count, "image"):
            for pixels, labels in in_order(dataset, dataset.train, count):
                found = context.scales = replace(known, running={}, history={}, autoflex=exponents)
                machine.begin_step(step, training=False)
                with silent_overflow():
                    network.forward(machine, pixels, as_codes(labels), len(labels))
                observer.advance("calibrate", len(labels))
                lacking = lacking or _lacking(found, known)
                if not lacking:
                    return 0
                for name, peaks in found.history.items():
                    totals[name] += peaks[-1] * len(labels)
                    seen[name] += len(labels)
    finally:
        context.scales, context.calibrating = known, False
    running = {name: total / seen[name] for name, total in totals.items()}
    context.scales = replace(known, running=running, autoflex=exponents)
    return count


def _lacking(found: ScaleState, known: ScaleState) -> bool:
    """Whether a batch asked for ranges or exponents that are not ``known``.

    Of a range whose ends are known apart, a symmetric machine would read the upper one as the largest magnitude.
    """
    ends = {lower_end(name) for name in found.running} & known.running.keys() - found.running.keys()
    return bool(ends or found.running.keys() - known.running.keys() or found.autoflex.keys() - known.autoflex.keys())
