"""CIFAR's binary layouts (Krizhevsky 2009): records of label bytes and 3072 pixel bytes (channel, row, column).

The files are read unpacked, or straight from the archive as it is downloaded. The python version is pickle, which can
run code, and is refused.
"""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import UserError
from accelsim.training.datasets.checksum import checksum_note
from accelsim.training.datasets.dataset import Dataset, Split
from accelsim.training.datasets.files import raw_bytes, unpacked
from accelsim.training.datasets.labels import check_labels

IMAGE_SHAPE = (32, 32, 3)
PIXEL_BYTES = 3 * 32 * 32
PUBLISHED = 50_000, 10_000
"""Training and test images of both data sets."""
PAGE = "Alex Krizhevsky's page 'The CIFAR-10 dataset' (University of Toronto)"


@dataclass(frozen=True)
class Layout:
    """What one of the two data sets is made of."""

    name: str
    archive: str
    """File to download."""
    md5: str
    """Its checksum, from the page."""
    folder: str
    """Folder inside it."""
    train: tuple[str, ...]
    """Files of the training split."""
    test: str
    """File of the test split."""
    label_counts: tuple[int, ...]
    """Values of each label byte; the last is the class."""
    python_folder: str
    python_files: tuple[str, ...]
    """Where the python version has what."""

    @property
    def files(self) -> tuple[str, ...]:
        return (*self.train, self.test)

    @property
    def record_bytes(self) -> int:
        """Bytes of one labelled image."""
        return len(self.label_counts) + PIXEL_BYTES

    @property
    def origin(self) -> str:
        """What to download."""
        return f"download {self.archive} from {PAGE} into {{place}}; it need not be unpacked"


def load_cifar(layout: Layout, folder: Path | None) -> Dataset:
    """Return the data set in ``folder``: its files, the published folder with them, or the archive.

    Raises:
        UserError: no folder is given, it holds the python version or lacks files, or a file is faulty.
    """
    if folder is None:
        raise UserError("no folder given")
    contents, notes = _contents(layout, folder)
    splits = {path.name: _split(layout, path, data) for path, data in contents.items()}
    parts = [splits[name] for name in layout.train]
    images = np.concatenate([np.asarray(part.images) for part in parts])
    train = Split(images, np.concatenate([part.labels for part in parts]))
    return Dataset.from_splits(layout.name, layout.label_counts[-1], train, splits[layout.test], notes)


def _contents(layout: Layout, folder: Path) -> tuple[dict[Path, bytes], tuple[str, ...]]:
    """Path and bytes of every file, and what is to be said of them."""
    inside, archive = folder / layout.folder, folder / layout.archive
    place = inside if inside.is_dir() and not _present(layout, folder) else folder
    missing = [name for name in layout.files if name not in _present(layout, place)]
    if len(missing) == len(layout.files):
        if archive.is_file():
            raw = raw_bytes(archive)
            return _members(layout, archive, raw), (checksum_note(archive, raw, layout.md5),)
        _refuse_pickle(layout, folder)
    if missing:
        raise UserError(
            f"{place}: found {len(layout.files) - len(missing)} of the {len(layout.files)} files of {layout.archive}, "
            f"expected also {', '.join(missing)}"
        )
    return {place / name: raw_bytes(place / name) for name in layout.files}, ()


def _present(layout: Layout, folder: Path) -> list[str]:
    return [name for name in layout.files if (folder / name).is_file()]


def _members(layout: Layout, archive: Path, raw: bytes) -> dict[Path, bytes]:
    """The files inside the archive; nothing is written."""
    found = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(unpacked(archive, raw)), mode="r:") as tar:
            for name in layout.files:
                member = tar.extractfile(f"{layout.folder}/{name}")
                found[archive / layout.folder / name] = member.read() if member else b""
    except KeyError as error:
        raise UserError(f"{archive}: expected {layout.folder}/{name} inside it, which is not there") from error
    except tarfile.TarError as error:
        raise UserError(f"{archive}: not a tar file that can be read ({error}); fetch it again") from error
    return found


def _refuse_pickle(layout: Layout, folder: Path) -> None:
    python_archive = layout.archive.replace("binary", "python")
    places = [folder / name for name in layout.python_files]
    places += [folder / layout.python_folder / name for name in layout.python_files]
    for path in (*places, folder / python_archive):
        if path.is_file():
            raise UserError(
                f"{path.parent}: found {path.name} of the python version, which is pickle and can run code; "
                f"expected the binary version ({layout.archive})"
            )


def _split(layout: Layout, path: Path, data: bytes) -> Split:
    """Return the records of one file as (n, 32, 32, 3) images and (n,) labels."""
    if len(data) % layout.record_bytes or not data:
        raise UserError(f"{path}: found {len(data)} bytes, expected a multiple of {layout.record_bytes} above 0")
    records = np.frombuffer(data, dtype=np.uint8).reshape(-1, layout.record_bytes)
    for column, count in enumerate(layout.label_counts):
        check_labels(path, records[:, column], count)
    labels = len(layout.label_counts)
    return Split(_channels_last(records[:, labels:]), records[:, labels - 1].astype(np.int64))


def _channels_last(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width, channels = IMAGE_SHAPE
    return np.ascontiguousarray(pixels.reshape(-1, channels, height, width).transpose(0, 2, 3, 1))
