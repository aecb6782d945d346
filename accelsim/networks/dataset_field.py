"""The ``dataset`` section of a workload: where images or texts come from, and what is done to them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from accelsim.networks.augmentation import Augmentation
from accelsim.yamlfile import Allowed, Fault, FileModel, refuse

Side = Annotated[int, Field(ge=1, le=4096)]
Level = Annotated[float, Field(ge=0, le=1)]
Spread = Annotated[float, Field(ge=1e-6, le=1)]
KINDS = "digits, fashion_mnist, cifar10, cifar100, mnist, imagenet_folder, npz, text"


class Normalise(FileModel):
    """Figures for pixels scaled to 0..1, one for each channel."""

    mean: Annotated[list[Level], Field(min_length=1, max_length=64)]
    """What is subtracted."""
    std: Annotated[list[Spread], Field(min_length=1, max_length=64)]
    """What is divided by then."""

    @model_validator(mode="after")
    def _as_many(self) -> Normalise:
        if len(self.mean) != len(self.std):
            text = f"found {len(self.std)} figures, but mean has {len(self.mean)}; each channel needs one of both"
            refuse("normalise", [Fault(("std",), text)])
        return self


class DatasetField(FileModel):
    """Where the images or texts come from."""

    kind: Annotated[str, Allowed(KINDS)]
    """digits, fashion_mnist, cifar10, cifar100, mnist, imagenet_folder, npz or text."""
    folder: str | None = None
    """Folder of the data set's files, relative to where the command runs; --data overrides it."""
    pad: tuple[Side, Side] | None = None
    """Height and width that images are padded to with black, in training and test."""
    normalise: Normalise | None = None
    """In place of the training images' own mean and deviation (of torchvision's figures for imagenet_folder)."""
    augmentation: Augmentation | None = None
    """Random changes of the training images."""
    training_images: Annotated[int, Field(ge=1)] | None = None
    """Train on so many images (or sequences), evenly spaced over the training set; normalised as the whole set is."""
    workers: Annotated[int, Field(ge=0, le=256)] = 1
    """Threads that prepare batches ahead of the training; 0 prepares each when it is wanted. Changes no bit."""
