"""The digits that ship with scikit-learn, and what every data set does with its images."""

from pathlib import Path

import numpy as np
import pytest
from sklearn import datasets

from accelsim.errors import UserError
from accelsim.training.datasets import Dataset, Split, load_dataset
from accelsim.training.datasets.dataset import channel_statistics


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits", None)


def random_images(*shape):
    return np.random.default_rng(7).integers(0, 256, shape, dtype=np.uint8)


def labelled(images):
    return Split(images, np.arange(len(images), dtype=np.int64) % 10)


def test_shapes_and_types(digits):
    assert digits.image_shape == (8, 8, 1)
    assert digits.train.images.shape == (1437, 8, 8, 1)
    assert digits.test.images.shape == (360, 8, 8, 1)
    assert (len(digits.train), len(digits.test)) == (1437, 360)
    for split in (digits.train, digits.test):
        assert split.images.dtype == np.uint8
        assert split.labels.dtype == np.int64
        assert set(split.labels.tolist()) == set(range(10))


def test_loading_twice_gives_the_same(digits):
    again = load_dataset("digits", None)
    assert again.train.images.tobytes() == digits.train.images.tobytes()
    assert again.test.labels.tobytes() == digits.test.labels.tobytes()
    assert (again.mean, again.std) == (digits.mean, digits.std)


def test_the_split_is_pinned(digits):
    """NumPy may change ``permutation``; results published with another split would no longer be comparable."""
    assert digits.train.labels[:12].tolist() == [6, 6, 6, 2, 5, 6, 6, 2, 2, 1, 1, 9]
    assert digits.test.labels[:12].tolist() == [0, 8, 8, 9, 8, 3, 7, 5, 0, 6, 6, 3]


def test_the_splits_are_disjoint_and_complete(digits):
    source = datasets.load_digits()
    order = np.random.Generator(np.random.PCG64(0)).permutation(1797)
    assert not set(order[:-360]) & set(order[-360:])
    assert np.array_equal(digits.test.labels, source.target[order[-360:]])
    rows = np.concatenate([digits.train.images, digits.test.images]).reshape(1797, 64)
    expected = [[round(value * 255 / 16) for value in image.ravel()] for image in source.images[order]]
    assert rows.tolist() == expected
    assert np.unique(rows, axis=0).shape == (1797, 64)


def test_pixels_span_the_whole_range(digits):
    values = set(np.unique(digits.train.images).tolist())
    assert values == {round(value * 255 / 16) for value in range(17)}
    assert 128 in values


def test_statistics_agree_with_numpy_in_float64(digits):
    scaled = digits.train.images.astype(np.float64) / 255
    assert digits.mean == pytest.approx((scaled.mean(),), rel=1e-12)
    assert digits.std == pytest.approx((scaled.std(),), rel=1e-12)


def test_statistics_by_channel_over_several_slices():
    images = random_images(4099, 2, 3, 3)
    images[..., 1] //= 4
    mean, std = channel_statistics(images)
    scaled = images.astype(np.float64) / 255
    assert mean == pytest.approx(tuple(scaled.mean(axis=(0, 1, 2))), rel=1e-12)
    assert std == pytest.approx(tuple(scaled.std(axis=(0, 1, 2))), rel=1e-12)


def test_statistics_do_not_depend_on_the_order_of_the_images():
    images = random_images(50, 4, 4, 3)
    assert channel_statistics(images) == channel_statistics(images[::-1])


@pytest.mark.parametrize("channels", [1, 3])
def test_batch_equals_the_direct_float32_formula(channels):
    split = labelled(random_images(40, 16, 16, channels))
    dataset = Dataset.from_splits("random", 10, split, split)
    indices = np.array([5, 0, 39, 5])
    images, labels = dataset.batch(split, indices)
    mean, std = np.array(dataset.mean, np.float32), np.array(dataset.std, np.float32)
    direct = (split.images[indices].astype(np.float32) / np.float32(255) - mean) / std
    assert images.dtype == np.float32
    assert labels.dtype == np.int64
    assert images.tobytes() == direct.tobytes()
    assert labels.tolist() == [5, 0, 9, 5]


def test_table_has_every_pixel_value_and_is_read_only(digits):
    mean, std = np.float32(digits.mean[0]), np.float32(digits.std[0])
    assert digits.table.shape == (1, 256)
    assert digits.table[0].tolist() == [(np.float32(v) / np.float32(255) - mean) / std for v in range(256)]
    with pytest.raises(ValueError, match="read-only"):
        digits.table[0, 0] = 0


def test_training_images_come_out_normalised(digits):
    images, _ = digits.batch(digits.train, np.arange(len(digits.train)))
    assert images.mean(dtype=np.float64) == pytest.approx(0, abs=1e-5)
    assert images.std(dtype=np.float64) == pytest.approx(1, abs=1e-5)


def test_an_empty_batch_is_empty(digits):
    images, labels = digits.batch(digits.test, np.arange(0))
    assert (images.shape, labels.shape) == ((0, 8, 8, 1), (0,))


def test_digits_take_no_folder(tmp_path: Path):
    with pytest.raises(UserError, match="takes no folder") as caught:
        load_dataset("digits", tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_a_constant_channel_cannot_be_normalised():
    images = random_images(4, 2, 2, 3)
    images[..., 2] = 9
    with pytest.raises(UserError, match=r"data set flat: all training pixels of channel 2 are 9"):
        Dataset.from_splits("flat", 10, labelled(images), labelled(images))


def test_no_training_images_is_an_error():
    empty = labelled(random_images(0, 2, 2, 1))
    with pytest.raises(UserError, match="data set none: there are no training images"):
        Dataset.from_splits("none", 10, empty, empty)
