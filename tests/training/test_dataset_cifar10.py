"""CIFAR-10 files written here in their real layout, whole and faulty."""

import numpy as np
import pytest

from accelsim.errors import UserError
from accelsim.training.datasets import cifar10, load_dataset

NAMES = (*cifar10.TRAIN_FILES, cifar10.TEST_FILE)
RECORDS = 3


def records(seed):
    """``RECORDS`` records: a label byte, then 3072 bytes by channel, row, column."""
    rows = np.random.default_rng(seed).integers(0, 256, (RECORDS, 3073), dtype=np.uint8)
    rows[:, 0] %= 10
    return rows


def write_binary(folder):
    folder.mkdir(exist_ok=True)
    for seed, name in enumerate(NAMES):
        (folder / name).write_bytes(records(seed).tobytes())
    return folder


@pytest.fixture
def folder(tmp_path):
    return write_binary(tmp_path)


def failure(folder):
    with pytest.raises(UserError) as caught:
        load_dataset("cifar10", folder)
    return str(caught.value)


def test_the_records_come_out_in_order_with_channels_last(folder):
    dataset = load_dataset("cifar10", folder)
    rows = np.concatenate([records(seed) for seed in range(5)])
    assert dataset.image_shape == (32, 32, 3)
    assert dataset.train.images.shape == (15, 32, 32, 3)
    assert dataset.train.images.flags.c_contiguous
    assert dataset.train.labels.tolist() == rows[:, 0].tolist()
    assert dataset.train.images[7, 5, 9, 2] == rows[7, 1 + 2 * 1024 + 5 * 32 + 9]
    assert np.array_equal(dataset.train.images[..., 1], rows[:, 1025:2049].reshape(15, 32, 32))
    assert dataset.test.labels.tolist() == records(5)[:, 0].tolist()
    assert (len(dataset.mean), len(dataset.std)) == (3, 3)


def test_the_parent_of_the_binary_folder_is_taken_too(tmp_path):
    inside = write_binary(tmp_path / "cifar-10-batches-bin")
    expected = load_dataset("cifar10", inside).train.images
    assert np.array_equal(load_dataset("cifar10", tmp_path).train.images, expected)


def test_the_binary_version_is_read_where_both_are(folder):
    (folder / "data_batch_1").write_bytes(b"pickle")
    assert len(load_dataset("cifar10", folder).train) == 15


@pytest.mark.parametrize("inside", ["", "cifar-10-batches-py"])
def test_the_python_version_is_refused(tmp_path, inside):
    place = tmp_path / inside
    place.mkdir(exist_ok=True)
    for name in NAMES:
        (place / name.removesuffix(".bin")).write_bytes(b"pickle")
    message = failure(tmp_path)
    assert message.startswith(f"{place}: found data_batch_1 ")
    assert "cifar-10-binary.tar.gz" in message
    assert "pickle" in message
    assert "can run code" in message


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    message = failure(folder)
    assert message.startswith(f"{folder}: found 5 of the 6 files")
    assert message.endswith(name)


def test_every_missing_file_is_named_at_once(tmp_path):
    message = failure(tmp_path)
    assert message.startswith(f"{tmp_path}: found 0 of the 6 files of cifar-10-binary.tar.gz")
    assert all(name in message for name in NAMES)


@pytest.mark.parametrize("name", [NAMES[1], NAMES[5]])
@pytest.mark.parametrize("size", [0, 1, 3072, 3073 * 2 + 5])
def test_a_size_that_is_no_number_of_records_is_named(folder, name, size):
    (folder / name).write_bytes(bytes(size))
    message = failure(folder)
    assert message.startswith(f"{folder / name}: found {size} bytes")
    assert "multiple of 3073" in message


@pytest.mark.parametrize("label", [10, 255])
def test_a_label_out_of_range_is_named(folder, label):
    rows = records(0)
    rows[2, 0] = label
    (folder / NAMES[3]).write_bytes(rows.tobytes())
    message = failure(folder)
    assert message.startswith(f"{folder / NAMES[3]}: label out of range")
    assert f"found {label} for image 2, expected 0..9" in message


def test_without_a_folder_the_message_says_what_to_give():
    message = failure(None)
    for part in ("cifar10", "cifar-10-binary.tar.gz", "dataset.folder", "--data"):
        assert part in message
