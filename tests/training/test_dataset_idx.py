"""idx files written here in their real layout, whole and faulty, and Debian's Fashion-MNIST."""

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest

from accelsim.errors import UserError
from accelsim.training.datasets import fashion_mnist, load_dataset, mnist
from accelsim.training.datasets.idx import read_idx
from accelsim.training.datasets.idx_folder import FILES

TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = FILES
PIXELS = np.random.default_rng(3).integers(0, 256, (20, 28, 28), dtype=np.uint8)
LABELS = np.arange(20, dtype=np.uint8) % 10


def idx(array):
    """The bytes of an idx file that holds ``array``."""
    return struct.pack(f">{1 + array.ndim}I", 0x0800 + array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


@pytest.fixture
def folder(tmp_path):
    for name, array in zip(FILES, (PIXELS, LABELS, PIXELS[:5], LABELS[:5]), strict=True):
        (tmp_path / name).write_bytes(gzip.compress(idx(array)))
    return tmp_path


def failure(folder, kind="fashion_mnist"):
    """What is wrong, below the line that says what to get."""
    with pytest.raises(UserError) as caught:
        load_dataset(kind, folder)
    first, rest = str(caught.value).split("\n", 1)
    for part in (f"data set {kind}: ", *FILES, "dataset.folder", "--data", str(folder or "")):
        assert part in first
    return rest


@pytest.mark.parametrize("kind", ["fashion_mnist", "mnist"])
def test_the_four_files_make_a_data_set(folder, kind):
    dataset = load_dataset(kind, folder)
    assert dataset.name == kind
    assert dataset.image_shape == (28, 28, 1)
    assert np.array_equal(dataset.train.images[..., 0], PIXELS)
    assert np.array_equal(dataset.test.images[..., 0], PIXELS[:5])
    assert dataset.train.labels.tolist() == LABELS.tolist()
    assert dataset.test.labels.dtype == np.int64


@pytest.mark.parametrize("module", [fashion_mnist, mnist])
def test_checksums_are_held_against_the_published_ones(folder, monkeypatch, module):
    path = folder / TEST_LABELS
    found = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    monkeypatch.setitem(module.MD5, TRAIN_LABELS, "0" * 32)
    (folder / TRAIN_IMAGES.removesuffix(".gz")).write_bytes(idx(PIXELS))
    (folder / TRAIN_IMAGES).unlink()
    *checksums, count = load_dataset(module.KIND.name, folder).notes
    assert [note.split(":")[0] for note in checksums] == [str(folder / name) for name in FILES[1:]]
    assert f"expected {'0' * 32}: packed anew, or not the published file" in checksums[0]
    assert count == f"data set {module.KIND.name}: found 20 + 5 images, and 60000 + 10000 are published"
    monkeypatch.setitem(module.MD5, TEST_LABELS, found)
    assert load_dataset(module.KIND.name, folder).notes[2] == f"{path}: MD5 {found}, as published"


def test_unpacked_files_are_taken_too(folder):
    packed = load_dataset("fashion_mnist", folder)
    for name in (TRAIN_IMAGES, TEST_LABELS):
        (folder / name.removesuffix(".gz")).write_bytes(gzip.decompress((folder / name).read_bytes()))
        (folder / name).unlink()
    unpacked = load_dataset("fashion_mnist", folder)
    assert unpacked.train.images.tobytes() == packed.train.images.tobytes()
    assert unpacked.test.labels.tobytes() == packed.test.labels.tobytes()


def test_read_idx_gives_the_sizes_of_the_header(tmp_path):
    path = tmp_path / "block"
    path.write_bytes(idx(PIXELS[:2, :3, :4]))
    assert np.array_equal(read_idx(path, dimensions=3), PIXELS[:2, :3, :4])


BODY, HEADER = idx(PIXELS), 16
GZIP = gzip.compress(BODY)
FAULTS = {
    "not gzip": (TRAIN_IMAGES, BODY, ["not a gzip file", f"found {len(BODY)} bytes", "00000803", "1f8b"]),
    "empty gzip": (TRAIN_LABELS, b"", ["not a gzip file", "found 0 bytes", "nothing"]),
    "truncated gzip": (TRAIN_IMAGES, GZIP[:-20], ["truncated", f"{len(GZIP) - 20} bytes"]),
    "truncated gzip header": (TRAIN_IMAGES, GZIP[:5], ["truncated", "5 bytes"]),
    "corrupt gzip": (TRAIN_IMAGES, GZIP[:-8] + b"\0\0\0\0" + GZIP[-4:], ["corrupt", "CRC"]),
    "corrupt deflate": (TRAIN_IMAGES, GZIP[:10] + b"\xff" * 40, ["corrupt"]),
    "labels for images": (TRAIN_IMAGES, gzip.compress(idx(LABELS)), ["found 0x00000801", "expected 0x00000803"]),
    "images for labels": (TEST_LABELS, gzip.compress(BODY), ["found 0x00000803", "expected 0x00000801"]),
    "float pixels": (TRAIN_IMAGES, gzip.compress(b"\0\0\x0d\x03" + BODY[4:]), ["found 0x00000d03"]),
    "gzipped twice": (TRAIN_IMAGES, gzip.compress(GZIP), ["found 0x1f8b"]),
    "no header": (TEST_IMAGES, gzip.compress(BODY[:3]), ["found 3 bytes", "expected a header of 16 bytes"]),
    "half a header": (TEST_IMAGES, gzip.compress(BODY[:12]), ["found 12 bytes", "expected a header of 16 bytes"]),
    "truncated": (
        TRAIN_IMAGES,
        gzip.compress(BODY[:-7]),
        ["truncated", f"found {20 * 784 - 7} bytes", f"expected {20 * 784}", "20 x 28 x 28"],
    ),
    "trailing bytes": (TRAIN_LABELS, gzip.compress(idx(LABELS) + b"abc"), ["trailing", "found 23", "expected 20"]),
    "huge header": (
        TRAIN_IMAGES,
        gzip.compress(struct.pack(">4I", 0x0803, *[0xFFFFFFFF] * 3) + b"x"),
        ["truncated", "found 1 bytes", f"expected {0xFFFFFFFF**3}"],
    ),
    "no images": (TEST_IMAGES, gzip.compress(idx(PIXELS[:0])), ["empty", "found 0 x 28 x 28"]),
    "image size": (TRAIN_IMAGES, gzip.compress(idx(PIXELS[:, :8, :9])), ["found 8x9", "expected 28x28"]),
    "label out of range": (
        TRAIN_LABELS,
        gzip.compress(idx(np.where(LABELS == 7, 10, LABELS))),
        ["label out of range", "found 10 for image 7", "expected 0..9"],
    ),
    "count mismatch": (TEST_LABELS, gzip.compress(idx(LABELS[:4])), ["found 4 labels", "expected 5", TEST_IMAGES]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_file_is_named_with_what_was_found(folder, fault):
    name, data, expected = FAULTS[fault]
    (folder / name).write_bytes(data)
    message = failure(folder)
    assert message.startswith(f"{folder / name}: ")
    assert [part for part in expected if part not in message] == []


def test_gzip_under_an_unpacked_name_gets_a_hint(folder):
    plain = folder / TRAIN_LABELS.removesuffix(".gz")
    (folder / TRAIN_LABELS).rename(plain)
    message = failure(folder)
    assert message.startswith(f"{plain}: wrong magic number: found 0x1f8b")
    assert "add .gz to its name" in message


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    message = failure(folder)
    assert message.startswith(f"{folder}: found 3 of the 4 files")
    assert name in message


def test_every_missing_file_is_named_at_once(tmp_path):
    message = failure(tmp_path)
    assert "found 0 of the 4" in message
    assert all(name in message for name in FILES)


def test_read_idx_names_a_missing_file(tmp_path):
    with pytest.raises(UserError, match=r"absent\.gz: there is no such file"):
        read_idx(tmp_path / "absent.gz", dimensions=1)


def test_read_idx_names_what_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match=r"cannot be read: Is a directory") as caught:
        read_idx(tmp_path, dimensions=1)
    assert str(tmp_path) in str(caught.value)


def test_constant_training_images_are_refused(folder):
    (folder / TRAIN_IMAGES).write_bytes(gzip.compress(idx(np.zeros_like(PIXELS))))
    assert "channel 0 are 0" in failure(folder)


def test_without_a_folder_the_usual_place_is_read(folder, monkeypatch):
    monkeypatch.setattr(fashion_mnist, "DEBIAN_FOLDER", folder)
    dataset = load_dataset("fashion_mnist", None)
    assert len(dataset.train) == 20
    assert not any("MD5" in note for note in dataset.notes)


def test_without_a_folder_or_package_the_message_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(fashion_mnist, "DEBIAN_FOLDER", tmp_path / "absent")
    assert failure(None) == f"no folder given, and {tmp_path / 'absent'} does not exist"
    with pytest.raises(
        UserError, match=r"^data set fashion_mnist: install the Debian package dataset-fashion-mnist, or "
    ):
        load_dataset("fashion_mnist", None)


@pytest.mark.skipif(
    not Path("/usr/share/datasets/fashion-mnist").is_dir(), reason="Debian package dataset-fashion-mnist is missing"
)
def test_debians_fashion_mnist_loads():
    dataset = load_dataset("fashion_mnist", None)
    assert dataset.train.images.shape == (60000, 28, 28, 1)
    assert dataset.test.images.shape == (10000, 28, 28, 1)
    assert np.bincount(dataset.train.labels).tolist() == [6000] * 10
    assert np.bincount(dataset.test.labels).tolist() == [1000] * 10
    assert dataset.mean == pytest.approx((0.2860,), abs=5e-5)
    assert dataset.std == pytest.approx((0.3530,), abs=5e-5)
