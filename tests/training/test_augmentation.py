"""Augmentation is a function of seed, epoch and index; loader threads and the split into batches change nothing."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from accelsim.datapath import reference
from accelsim.errors import UserError
from accelsim.networks.augmentation import Augmentation, ResizedCrop
from accelsim.training.datasets import Augmenter, Dataset, Split
from accelsim.training.datasets.augmentation import below
from accelsim.training.datasets.dataset import padded
from accelsim.training.datasets.resized_crop import resized_window

IMAGES = np.random.default_rng(5).integers(1, 256, (40, 6, 5, 3), dtype=np.uint8)
ALL = np.arange(len(IMAGES))
CROP_AND_FLIP = Augmentation(crop_padding=2, flip=0.5)


def changed(fields, indices=ALL, seed=3, epoch=0, size=None):
    return Augmenter(fields, seed)(IMAGES, np.asarray(indices), epoch, size)


def word(name, index, epoch=0, seed=3, attempt=0):
    key = seed, zlib.crc32(f"augmentation/{name}".encode())
    return reference.philox4x32((index, epoch, attempt, 0), key)


def test_each_image_by_itself():
    """Philox in plain Python says which window is cut out and whether it is mirrored."""
    found = changed(CROP_AND_FLIP, epoch=7)
    for index, image in enumerate(IMAGES):
        top, left = (x * 5 >> 32 for x in word("crop", index, 7)[:2])
        wide = np.zeros((10, 9, 3), dtype=np.uint8)
        wide[2:8, 2:7] = image
        window = wide[top : top + 6, left : left + 5]
        expected = window[:, ::-1] if word("flip", index, 7)[0] < 2**31 else window
        assert np.array_equal(found[index], expected), index


def test_grouping_and_order_change_nothing():
    whole = changed(CROP_AND_FLIP, epoch=2)
    order = np.random.default_rng(1).permutation(ALL)
    parts = np.concatenate([changed(CROP_AND_FLIP, part, epoch=2) for part in np.array_split(order, 7)])
    assert np.array_equal(parts, whole[order])


@pytest.mark.parametrize("other", [{"seed": 4}, {"epoch": 1}])
def test_another_seed_or_epoch_is_another_draw(other):
    assert not np.array_equal(changed(CROP_AND_FLIP), changed(CROP_AND_FLIP, **other))


def test_every_window_and_both_directions_occur():
    indices = np.arange(40).repeat(50)
    words = Augmenter(CROP_AND_FLIP, 3).words("crop", np.arange(2000), 0)
    assert set(below(words[0], 5).tolist()) == set(below(words[1], 5).tolist()) == set(range(5))
    flips = Augmenter(CROP_AND_FLIP, 3).words("flip", np.arange(2000), 0)[0] < 2**31
    assert 0.45 < flips.mean() < 0.55
    assert len(indices) == 2000


@pytest.mark.parametrize(("share", "expected"), [(0.0, IMAGES), (1.0, IMAGES[:, :, ::-1])])
def test_no_image_or_each_is_mirrored(share, expected):
    assert np.array_equal(changed(Augmentation(flip=share)), expected)


def test_below_never_reaches_its_limit():
    assert [below(np.uint64(x), 5).item() for x in (0, 2**32 - 1)] == [0, 4]


def test_padding_comes_first():
    found = changed(Augmentation(flip=1.0), size=(9, 8))
    assert found.shape == (40, 9, 8, 3)
    assert np.array_equal(found[:, 1:7, 2:7], IMAGES[:, :, ::-1])
    assert found.sum() == IMAGES.sum(dtype=found.sum().dtype)


@pytest.mark.parametrize(("size", "top", "left"), [((6, 5), 0, 0), ((7, 5), 0, 0), ((8, 9), 1, 2), ((32, 32), 13, 13)])
def test_padding_is_black_and_in_the_middle(size, top, left):
    found = padded(IMAGES, size)
    assert found.shape == (40, *size, 3)
    assert np.array_equal(found[:, top : top + 6, left : left + 5], IMAGES)
    assert np.count_nonzero(found) == IMAGES.size


def test_a_data_set_pads_training_and_test_and_augments_training_alone():
    split = Split(IMAGES, ALL % 10)
    plain = Dataset.from_splits("random", 10, split, split)
    dataset = Dataset(
        "random", 10, split, split, plain.mean, plain.std, padded_to=(8, 8), augment=Augmenter(CROP_AND_FLIP, 3)
    )
    assert dataset.image_shape == (8, 8, 3)
    test, labels = dataset.batch(split, np.array([4, 9]))
    train, same = dataset.training_batch(np.array([4, 9]), 1)
    assert labels.tolist() == same.tolist() == [4, 9]
    black = -np.array(plain.mean, np.float32) / np.array(plain.std, np.float32)
    assert np.allclose(test[:, 0], black)
    table = plain.table
    pixels = changed(CROP_AND_FLIP, [4, 9], epoch=1, size=(8, 8))
    for channel in range(3):
        assert np.array_equal(train[..., channel], table[channel][pixels[..., channel]])


def test_parts_of_pictures_belong_to_pictures():
    with pytest.raises(UserError, match=r"resized_crop belongs to pictures that are decoded"):
        changed(Augmentation(resized_crop=ResizedCrop()))


def windows(width, height, fields, count=300):
    words = [[word("resized_crop", index, attempt=attempt) for attempt in range(10)] for index in range(count)]
    return [resized_window(attempts, width, height, fields) for attempts in words]


def test_a_part_lies_inside_and_keeps_to_area_and_aspect():
    found = windows(500, 375, ResizedCrop())
    for left, top, right, bottom in found:
        assert 0 <= left < right <= 500
        assert 0 <= top < bottom <= 375
        area, aspect = (right - left) * (bottom - top) / (500 * 375), (right - left) / (bottom - top)
        assert 0.079 < area <= 1
        assert 0.74 < aspect < 1.35
    areas = [(right - left) * (bottom - top) / (500 * 375) for left, top, right, bottom in found]
    assert 0.4 < np.mean(areas) < 0.6


def test_the_whole_picture_where_nothing_else_is_allowed():
    assert set(windows(40, 30, ResizedCrop(area=(1, 1), aspect=(4 / 3, 4 / 3)))) == {(0, 0, 40, 30)}


@pytest.mark.parametrize(("size", "box"), [((900, 30), (430, 0, 470, 30)), ((30, 900), (0, 430, 30, 470))])
def test_the_middle_where_no_attempt_fits(size, box):
    assert set(windows(*size, ResizedCrop(area=(1, 1)), count=3)) == {box}
