"""Text as token ids, in files that the user has: any vocabulary, cut into sequences as long as the network wants.

The folder holds ``train`` and ``val``, each as

- ``.npy``: a one-dimensional NumPy array of integers,
- ``.bin``: unsigned 16-bit little-endian integers and nothing else, as nanoGPT's scripts write them,
- ``.txt``: UTF-8 text, each of whose bytes is a token (a vocabulary of 256).

Without ``val``, the last tenth of ``train`` is held out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelsim.errors import UserError
from accelsim.training.datasets.dataset import Dataset, Split
from accelsim.training.datasets.files import read_bytes
from accelsim.training.datasets.kind import DatasetKind

LARGEST_VOCABULARY = 1 << 16
HELD_OUT = 10
"""Without ``val``, one token in so many is held out."""
Ids = NDArray[Any]
"""Token ids, (n,), of any integer type."""


class TextDataset(Dataset):
    """Sequences of token ids; the label of a token is the one that follows it."""

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Tokens of one sequence."""
        return self.train.images.shape[1:]

    def shaped(self, shape: tuple[int, ...], classes: int) -> Dataset:
        """Return sequences of ``shape`` = (tokens,) without overlap; what is left over is dropped.

        Raises:
            UserError: a part of the text is too short for one sequence.
        """
        train, test = (_cut(split, name, shape[0]) for split, name in ((self.train, "train"), (self.test, "val")))
        return replace(self, classes=classes, train=train, test=test)

    def batch(self, split: Split, indices: NDArray[np.integer[Any]]) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Return the sequences at ``indices`` (b,), (b, tokens) unsigned 16-bit, and their labels (b, tokens).

        Raises:
            UserError: a token is no word of the vocabulary.
        """
        tokens, labels = split.images[indices], split.labels[indices]
        for found in (min(tokens.min(), labels.min()), max(tokens.max(), labels.max())):
            if not 0 <= found < self.classes:
                raise UserError(f"data set text: found token {found}, expected 0..{self.classes - 1} (network.classes)")
        return tokens.astype(np.uint16), labels.astype(np.int64)


def load_text(folder: Path | None) -> Dataset:
    """Return the texts in ``folder``, a token a sequence until the network says how long they are.

    Raises:
        UserError: no folder is given, or a file is missing or wrong.
    """
    if folder is None:
        raise UserError(
            "data set text: no folder given; give one that holds train and val as .npy, .bin or .txt "
            "(dataset.folder in the workload file, or --data)"
        )
    train, held = _file(folder, "train"), _file(folder, "val")
    if train is None:
        raise UserError(f"{folder}: found none of {', '.join(f'train{ending}' for ending in READERS)}")
    ids = READERS[train.suffix](train)
    cut = len(ids) if held else len(ids) - len(ids) // HELD_OUT
    rest = READERS[held.suffix](held) if held else ids[cut:]
    return TextDataset(KIND.name, LARGEST_VOCABULARY, _pairs(ids[:cut]), _pairs(rest), mean=(), std=())


def _file(folder: Path, name: str) -> Path | None:
    found = [path for ending in READERS if (path := folder / f"{name}{ending}").exists()]
    if len(found) > 1:
        raise UserError(f"{folder}: found {found[0].name} and {found[1].name}; leave one of them")
    return found[0] if found else None


def _pairs(ids: Ids) -> Split:
    """Each token with the one that follows it."""
    return Split(ids[:-1, np.newaxis], ids[1:, np.newaxis])


def _cut(split: Split, name: str, tokens: int) -> Split:
    count = len(split) // tokens
    if not count:
        needed = tokens + 1
        raise UserError(f"data set text: {name} has {len(split) + 1} tokens, but one sequence and labels need {needed}")
    return Split(*(np.asarray(part)[: count * tokens].reshape(count, tokens) for part in (split.images, split.labels)))


def _read_npy(path: Path) -> Ids:
    try:
        ids = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path}: not a NumPy file that can be read: {error}") from error
    if not isinstance(ids, np.ndarray) or ids.ndim != 1 or ids.dtype.kind not in "iu":
        shape, kind = getattr(ids, "shape", "?"), getattr(ids, "dtype", type(ids).__name__)
        raise UserError(f"{path}: found {kind} of shape {shape}, expected integers in one dimension")
    return ids


def _read_bin(path: Path) -> Ids:
    size = path.stat().st_size
    if size % 2 or not size:
        raise UserError(f"{path}: found {size} bytes, expected unsigned 16-bit integers, two bytes each")
    return np.memmap(path, dtype="<u2", mode="r")


def _read_txt(path: Path) -> Ids:
    return np.frombuffer(read_bytes(path), dtype=np.uint8)


READERS: dict[str, Callable[[Path], Ids]] = {".npy": _read_npy, ".bin": _read_bin, ".txt": _read_txt}
"""By the ending of a file's name."""
KIND = DatasetKind("text", image_shape=None, classes=None, load=load_text)
"""The registry entry: sequences are as long, and the vocabulary as large, as the network says."""
