"""What is known of a data set without reading it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from accelsim.errors import UserError
from accelsim.training.datasets.dataset import Dataset

Loader = Callable[[Path | None], Dataset]
"""Reads a data set from a folder, or from its usual place where None is given."""


class MissingPackageError(UserError):
    """No file is at fault, but a Python package that reads it isn't installed."""


@dataclass(frozen=True)
class DatasetKind:
    """One kind of data set that workload files can name."""

    name: str
    """Name in workload files."""
    image_shape: tuple[int, ...] | None
    """Height, width and channels of one image; None where the network says, as of texts, or the file."""
    classes: int | None
    """Number of classes; None where the network says."""
    load: Loader
    """Reads the data; raises UserError where it can't."""
    origin: str = ""
    """What to download and from whose page into ``{place}``: first line of what is said of missing or faulty files."""
    published: tuple[int, int] | None = None
    """Training and test images of the published set; another number of them is worth a note."""
    images_of_file: bool = False
    """True where the file alone says how large its images are."""
    decoded: bool = False
    """True where images are decoded from pictures of any size, so that random parts of them can be taken."""
    ending: str = ""
    """Ending of a file that may stand in place of the folder."""

    @property
    def texts(self) -> bool:
        """True where an input is a text."""
        return self.image_shape is None and not self.images_of_file
