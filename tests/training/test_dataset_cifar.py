"""CIFAR files written here in their real layouts, whole and faulty: unpacked, in their folder, and in the archive."""

import hashlib
import io
import tarfile

import numpy as np
import pytest

from accelsim.errors import UserError
from accelsim.training.datasets import cifar10, cifar100, load_dataset

LAYOUTS = {layout.name: layout for layout in (cifar10.LAYOUT, cifar100.LAYOUT)}
RECORDS = 3


@pytest.fixture(params=LAYOUTS)
def layout(request):
    return LAYOUTS[request.param]


def records(layout, seed):
    """``RECORDS`` records: label bytes, then 3072 bytes by channel, row, column."""
    rows = np.random.default_rng(seed).integers(0, 256, (RECORDS, layout.record_bytes), dtype=np.uint8)
    for column, count in enumerate(layout.label_counts):
        rows[:, column] %= count
    return rows


def write_binary(layout, folder):
    folder.mkdir(exist_ok=True)
    for seed, name in enumerate(layout.files):
        (folder / name).write_bytes(records(layout, seed).tobytes())
    return folder


def write_archive(layout, folder, leave_out=()):
    with tarfile.open(folder / layout.archive, "w:gz") as tar:
        for seed, name in enumerate(layout.files):
            member = tarfile.TarInfo(f"{layout.folder}/{name}")
            data = records(layout, seed).tobytes()
            member.size = len(data)
            if name not in leave_out:
                tar.addfile(member, io.BytesIO(data))
    return folder / layout.archive


@pytest.fixture
def folder(layout, tmp_path):
    return write_binary(layout, tmp_path)


def failure(layout, folder):
    """What is wrong, below the line that says what to get."""
    with pytest.raises(UserError) as caught:
        load_dataset(layout.name, folder)
    first, rest = str(caught.value).split("\n", 1)
    for part in (
        f"data set {layout.name}: download {layout.archive} from",
        "dataset.folder",
        "--data",
        str(folder or ""),
    ):
        assert part in first
    return rest


def test_the_records_come_out_in_order_with_channels_last(layout, folder):
    dataset = load_dataset(layout.name, folder)
    count = len(layout.train)
    rows = np.concatenate([records(layout, seed) for seed in range(count)])
    first = len(layout.label_counts)
    assert dataset.image_shape == (32, 32, 3)
    assert dataset.classes == layout.label_counts[-1]
    assert dataset.train.images.shape == (count * RECORDS, 32, 32, 3)
    assert dataset.train.images.flags.c_contiguous
    assert dataset.train.labels.tolist() == rows[:, first - 1].tolist()
    assert dataset.train.images[2, 5, 9, 2] == rows[2, first + 2 * 1024 + 5 * 32 + 9]
    assert np.array_equal(dataset.train.images[..., 1], rows[:, first + 1024 : first + 2048].reshape(-1, 32, 32))
    assert dataset.test.labels.tolist() == records(layout, count)[:, first - 1].tolist()
    assert (len(dataset.mean), len(dataset.std)) == (3, 3)


def test_another_number_of_images_is_noted(layout, folder):
    found = f"found {len(layout.train) * RECORDS} + {RECORDS} images, and 50000 + 10000 are published"
    assert load_dataset(layout.name, folder).notes == (f"data set {layout.name}: {found}",)


def test_the_parent_of_the_binary_folder_is_taken_too(layout, tmp_path):
    inside = write_binary(layout, tmp_path / layout.folder)
    expected = load_dataset(layout.name, inside).train.images
    assert np.array_equal(load_dataset(layout.name, tmp_path).train.images, expected)


def test_the_archive_need_not_be_unpacked(layout, folder, tmp_path):
    expected = load_dataset(layout.name, folder)
    place = tmp_path / "packed"
    place.mkdir()
    archive = write_archive(layout, place)
    found = load_dataset(layout.name, place)
    assert np.array_equal(found.train.images, expected.train.images)
    assert np.array_equal(found.test.labels, expected.test.labels)
    md5 = hashlib.md5(archive.read_bytes(), usedforsecurity=False).hexdigest()
    assert found.notes[0].startswith(f"{archive}: found MD5 {md5}, expected {layout.md5}")


def test_an_archive_that_lacks_a_file(layout, tmp_path):
    archive = write_archive(layout, tmp_path, leave_out=layout.train[:1])
    assert failure(layout, tmp_path).startswith(f"{archive}: expected {layout.folder}/{layout.train[0]} inside it")


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b"no archive", "not a gzip file"), (None, "truncated"), (b"\x1f\x8b\x08\0junk", "the gzip file is")],
)
def test_a_broken_archive(layout, tmp_path, data, expected):
    archive = write_archive(layout, tmp_path)
    archive.write_bytes(archive.read_bytes()[:-30] if data is None else data)
    message = failure(layout, tmp_path)
    assert message.startswith(f"{archive}: ")
    assert expected in message


def test_the_binary_version_is_read_where_both_are(layout, folder):
    (folder / layout.python_files[0]).write_bytes(b"pickle")
    assert len(load_dataset(layout.name, folder).train) == len(layout.train) * RECORDS


@pytest.mark.parametrize("place", ["here", "folder", "archive"])
def test_the_python_version_is_refused(layout, tmp_path, place):
    folder = tmp_path / layout.python_folder if place == "folder" else tmp_path
    folder.mkdir(exist_ok=True)
    names = [layout.archive.replace("binary", "python")] if place == "archive" else layout.python_files
    for name in names:
        (folder / name).write_bytes(b"pickle")
    message = failure(layout, tmp_path)
    assert message.startswith(f"{folder}: found {names[0]} ")
    assert message.endswith(f"which is pickle and can run code; expected the binary version ({layout.archive})")


def test_a_missing_file_is_named(layout, folder):
    for name in layout.files:
        data = (folder / name).read_bytes()
        (folder / name).unlink()
        message = failure(layout, folder)
        assert message.startswith(f"{folder}: found {len(layout.files) - 1} of the {len(layout.files)} files")
        assert message.endswith(name)
        (folder / name).write_bytes(data)


def test_every_missing_file_is_named_at_once(layout, tmp_path):
    message = failure(layout, tmp_path)
    assert message.startswith(f"{tmp_path}: found 0 of the {len(layout.files)} files of {layout.archive}")
    assert all(name in message for name in layout.files)


@pytest.mark.parametrize("size", [0, 1, 3072, 3073 * 2 + 5])
def test_a_size_that_is_no_number_of_records_is_named(layout, folder, size):
    for name in (layout.train[0], layout.test):
        (folder / name).write_bytes(bytes(size))
        message = failure(layout, folder)
        assert message.startswith(f"{folder / name}: found {size} bytes")
        assert f"multiple of {layout.record_bytes}" in message
        (folder / name).write_bytes(records(layout, 0).tobytes())


def test_a_label_out_of_range_is_named(layout, folder):
    for column, count in enumerate(layout.label_counts):
        rows = records(layout, 0)
        rows[2, column] = count
        (folder / layout.test).write_bytes(rows.tobytes())
        message = failure(layout, folder)
        assert message.startswith(f"{folder / layout.test}: label out of range")
        assert f"found {count} for image 2, expected 0..{count - 1}" in message


def test_ten_classes_are_no_hundred(tmp_path):
    """A file of one data set under the other's name has another size."""
    rows = records(cifar10.LAYOUT, 0)
    for name in cifar100.LAYOUT.files:
        (tmp_path / name).write_bytes(rows.tobytes())
    assert "expected a multiple of 3074" in failure(cifar100.LAYOUT, tmp_path)


def test_without_a_folder_the_message_says_what_to_give(layout):
    assert failure(layout, None) == "no folder given"
