"""Texts as token ids: three kinds of file, sequences and labels, and everything that can be wrong with them."""

from __future__ import annotations

import numpy as np
import pytest

from accelsim.errors import UserError
from accelsim.training.datasets import load_dataset

IDS = np.arange(40) % 7


def _write(folder, name, ids, ending):
    if ending == ".npy":
        np.save(folder / f"{name}.npy", ids)
    elif ending == ".bin":
        ids.astype("<u2").tofile(folder / f"{name}.bin")
    else:
        (folder / f"{name}.txt").write_bytes(ids.astype(np.uint8).tobytes())


@pytest.mark.parametrize("ending", [".npy", ".bin", ".txt"])
def test_sequences_and_labels(tmp_path, ending):
    _write(tmp_path, "train", IDS, ending)
    _write(tmp_path, "val", IDS[:9], ending)
    dataset = load_dataset("text", tmp_path).shaped((4,), 7)
    assert (len(dataset.train), len(dataset.test), dataset.image_shape, dataset.classes) == (9, 2, (4,), 7)
    tokens, labels = dataset.batch(dataset.train, np.array([8, 0]))
    assert tokens.tolist() == [IDS[32:36].tolist(), IDS[:4].tolist()]
    assert labels.tolist() == [IDS[33:37].tolist(), IDS[1:5].tolist()]
    assert (tokens.dtype, labels.dtype) == (np.uint16, np.int64)


def test_without_a_second_file_the_last_tenth_is_held_out(tmp_path):
    _write(tmp_path, "train", IDS, ".npy")
    dataset = load_dataset("text", tmp_path).shaped((3,), 7)
    assert (len(dataset.train), len(dataset.test)) == (11, 1)
    assert dataset.batch(dataset.test, np.array([0]))[0].tolist() == [IDS[36:39].tolist()]


def test_text_is_its_bytes(tmp_path):
    (tmp_path / "train.txt").write_text("héllo wörld, " * 6, encoding="utf-8")
    dataset = load_dataset("text", tmp_path).shaped((5,), 256)
    assert bytes(dataset.batch(dataset.train, np.array([0]))[0][0].tolist()) == "héll".encode()


def test_a_token_outside_the_vocabulary(tmp_path):
    _write(tmp_path, "train", IDS, ".bin")
    dataset = load_dataset("text", tmp_path).shaped((3,), 6)
    with pytest.raises(UserError, match=r"found token 6, expected 0\.\.5 \(network\.classes\)"):
        dataset.batch(dataset.train, np.arange(4))


def test_a_negative_token(tmp_path):
    _write(tmp_path, "train", IDS - 1, ".npy")
    dataset = load_dataset("text", tmp_path).shaped((3,), 7)
    with pytest.raises(UserError, match=r"found token -1, expected 0\.\.6"):
        dataset.batch(dataset.train, np.arange(4))


def test_too_short_for_a_sequence(tmp_path):
    _write(tmp_path, "train", IDS, ".npy")
    with pytest.raises(UserError, match="val has 4 tokens, but one sequence and labels need 5"):
        load_dataset("text", tmp_path).shaped((4,), 7)


def test_no_folder():
    with pytest.raises(UserError, match=r"no folder given; give one that holds train and val .*--data"):
        load_dataset("text", None)


def test_an_empty_folder(tmp_path):
    with pytest.raises(UserError, match=r"found none of train\.npy, train\.bin, train\.txt"):
        load_dataset("text", tmp_path)


def test_two_files_of_one_name(tmp_path):
    for ending in (".npy", ".txt"):
        _write(tmp_path, "train", IDS, ending)
    with pytest.raises(UserError, match=r"found train\.npy and train\.txt; leave one"):
        load_dataset("text", tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train.bin", b"123", r"train\.bin: found 3 bytes, expected unsigned 16-bit integers"),
        ("train.bin", b"", r"train\.bin: found 0 bytes"),
        ("train.npy", b"not an array", r"train\.npy: not a NumPy file"),
        ("train.npy", b"", r"train\.npy: not a NumPy file"),
    ],
)
def test_a_broken_file(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        load_dataset("text", tmp_path)


@pytest.mark.parametrize("array", [np.zeros((3, 4), dtype=np.int32), np.zeros(12)])
def test_an_array_of_something_else(tmp_path, array):
    np.save(tmp_path / "train.npy", array)
    with pytest.raises(UserError, match="expected integers in one dimension"):
        load_dataset("text", tmp_path)
