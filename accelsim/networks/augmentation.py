"""Fields of augmentation: how training images are changed at random; ``training.datasets`` does it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from accelsim.yamlfile import Fault, FileModel, refuse

Area = Annotated[float, Field(gt=0, le=1)]
Aspect = Annotated[float, Field(ge=0.01, le=100)]


class ResizedCrop(FileModel):
    """A part of the picture, brought to the network's size."""

    area: tuple[Area, Area] = (0.08, 1.0)
    """Smallest and largest area, as shares of the picture's."""
    aspect: tuple[Aspect, Aspect] = (3 / 4, 4 / 3)
    """Smallest and largest width over height; its logarithm is drawn evenly."""

    @model_validator(mode="after")
    def _in_order(self) -> ResizedCrop:
        pairs = {"area": self.area, "aspect": self.aspect}
        text = "found {} before {}; the smaller one comes first"
        refuse(
            "resized_crop", [Fault((name,), text.format(*pair)) for name, pair in pairs.items() if pair[0] > pair[1]]
        )
        return self


class Augmentation(FileModel):
    """What happens to an image depends on seed, epoch and its index alone."""

    crop_padding: Annotated[int, Field(ge=0, le=256)] = 0
    """Pixels of black border around an image, from which a window of its old size is cut at random; 0 cuts nothing."""
    flip: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the images that are mirrored left to right."""
    resized_crop: ResizedCrop | None = None
    """Of decoded pictures alone: a random part of each, in place of its centre; {} takes the usual shares."""

    @model_validator(mode="after")
    def _one_crop(self) -> Augmentation:
        if self.crop_padding and self.resized_crop is not None:
            text = f"found {self.crop_padding}, but resized_crop cuts already; leave one of them out"
            refuse("augmentation", [Fault(("crop_padding",), text)])
        return self
