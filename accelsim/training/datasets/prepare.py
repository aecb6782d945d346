"""From the files' images to what a network is trained on: figures, size and augmentation as the workload says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from accelsim.errors import UserError
from accelsim.networks import Workload
from accelsim.networks.dataset_field import DatasetField
from accelsim.training.datasets.augmentation import Augmenter
from accelsim.training.datasets.dataset import Dataset
from accelsim.training.datasets.kind import DatasetKind
from accelsim.training.datasets.registry import load_dataset

Option = tuple[tuple[str, ...], str]
"""Field of a workload, and what is wrong with it."""


def read_dataset(workload: Workload, folder: Path | None) -> Dataset:
    """Return the workload's data set, read from ``folder`` or from its own place where that is None.

    Raises:
        UserError: files are missing or wrong, or hold other images than the network takes.
    """
    field, network = workload.dataset, workload.network
    dataset = load_dataset(field.kind, folder or (Path(field.folder).expanduser() if field.folder else None))
    if field.normalise is not None:
        dataset = replace(dataset, mean=tuple(field.normalise.mean), std=tuple(field.normalise.std))
    augment = Augmenter(field.augmentation, workload.seed) if field.augmentation else None
    dataset = replace(dataset, padded_to=field.pad, augment=augment).shaped(network.shape, network.classes)
    return dataset if field.training_images is None else _fewer(dataset, field.training_images)


def _fewer(dataset: Dataset, count: int) -> Dataset:
    if count > len(dataset.train):
        text = f"found {count}, but {dataset.name} has {len(dataset.train)} to train on"
        raise UserError(f"dataset.training_images: {text}")
    return replace(dataset, train=dataset.train.spread(count))


def network_shape(kind: DatasetKind, field: DatasetField) -> tuple[int, ...] | None:
    """Shape of the images that the network sees; None where the network or the file says."""
    if kind.image_shape is None:
        return None
    return (*(field.pad or kind.image_shape[:2]), kind.image_shape[2])


def option_faults(kind: DatasetKind, field: DatasetField, channels: int | None) -> Iterator[Option]:
    """What is asked of images that this kind has not; ``channels`` of an image, if it is one."""
    if kind.texts:
        for name in ("pad", "normalise", "augmentation"):
            if getattr(field, name) is not None:
                yield ("dataset", name), f"found a value, but {kind.name} has texts; leave it out"
        return
    if (
        field.pad
        and kind.image_shape
        and min(new - old for new, old in zip(field.pad, kind.image_shape, strict=False)) < 0
    ):
        size = list(kind.image_shape[:2])
        yield ("dataset", "pad"), f"found {list(field.pad)}, but the images of {kind.name} are {size} already"
    if field.augmentation and field.augmentation.resized_crop and not kind.decoded:
        text = f"found a value, but the images of {kind.name} are no pictures to decode; leave it out"
        yield ("dataset", "augmentation", "resized_crop"), text
    if field.normalise and channels and len(field.normalise.mean) != channels:
        figures = len(field.normalise.mean)
        yield ("dataset", "normalise", "mean"), f"found {figures} figures, but an image has {channels} channels"
