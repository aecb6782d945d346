"""Folders of pictures: what is read from them, how a picture is cropped, and what is refused."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from accelsim.errors import UserError
from accelsim.networks.augmentation import Augmentation, ResizedCrop
from accelsim.training.datasets import Augmenter, load_dataset

Image = pytest.importorskip("PIL.Image")
RED, BLUE = (255, 0, 0), (0, 0, 255)


def picture(path, colour, size=(20, 10), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)


@pytest.fixture
def folder(tmp_path):
    for part, count in (("train", 3), ("val", 1)):
        for number in range(count):
            picture(tmp_path / part / "blue" / f"{number}.png", BLUE)
            picture(tmp_path / part / "red" / f"{number}.PNG", RED)
    (tmp_path / "train" / "red" / "notes.txt").touch()
    return tmp_path


def test_classes_are_numbered_by_name(folder):
    dataset = load_dataset("imagenet_folder", folder)
    assert dataset.train.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert dataset.test.labels.tolist() == [0, 1]
    assert dataset.image_shape == (224, 224, 3)


def test_pixels_are_decoded_and_normalised(folder):
    dataset = load_dataset("imagenet_folder", folder)
    images, labels = dataset.batch(dataset.train, np.array([5, 0]))
    assert labels.tolist() == [1, 0]
    assert images.shape == (2, 224, 224, 3)
    for image, colour in zip(images, (RED, BLUE), strict=True):
        wanted = (np.array(colour) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
        assert np.allclose(image, wanted, atol=1e-6)


def test_the_centre_is_kept_at_the_resized_scale(tmp_path):
    """A column of 2 x 256 pixels in the middle of 1024 x 512 becomes the middle 2 x 128 of the crop's 224."""
    image = Image.new("RGB", (1024, 512))
    image.paste(RED, (256, 0, 768, 512))
    for part in ("train", "val"):
        (tmp_path / part / "only").mkdir(parents=True)
        image.save(tmp_path / part / "only" / "a.jpeg", quality=95)
    found = load_dataset("imagenet_folder", tmp_path).train.images[np.array([0])][0, 112, :, 0] > 128
    assert found.all()
    image.paste((0, 0, 0), (256, 0, 512, 512))
    image.save(tmp_path / "train" / "only" / "a.jpeg", quality=95)
    found = load_dataset("imagenet_folder", tmp_path).train.images[np.array([0])][0, 112, :, 0] > 128
    assert found.tolist() == [False] * 112 + [True] * 112


def test_a_random_part_in_training_alone(tmp_path):
    """Left half red, right half blue: parts show both in all shares; the test split always shows its middle."""
    image = Image.new("RGB", (300, 300), RED)
    image.paste(BLUE, (150, 0, 300, 300))
    for part in ("train", "val"):
        (tmp_path / part / "only").mkdir(parents=True)
        for number in range(8):
            image.save(tmp_path / part / "only" / f"{number}.png")
    augment = Augmenter(Augmentation(resized_crop=ResizedCrop(area=(0.1, 0.3))), seed=1)
    dataset = replace(load_dataset("imagenet_folder", tmp_path), augment=augment)
    every = np.arange(8)
    images, _ = dataset.training_batch(every, 0)
    assert images.shape == (8, 224, 224, 3)
    shares = [(image[112, :, 0] > 0).mean() for image in images]
    assert min(shares) < 0.3
    assert max(shares) > 0.7
    assert np.array_equal(dataset.training_batch(every[3:5], 0)[0], images[3:5])
    assert not np.array_equal(dataset.training_batch(every, 1)[0], images)
    assert {(image[112, :, 0] > 0).mean() for image in dataset.batch(dataset.test, every)[0]} == {0.5}


def test_grey_and_transparent_pictures_become_colour(folder):
    picture(folder / "train" / "blue" / "0.png", 128, mode="L")
    picture(folder / "train" / "blue" / "1.png", (0, 0, 255, 0), mode="RGBA")
    images = load_dataset("imagenet_folder", folder).train.images[np.array([0, 1])]
    assert np.unique(images[0]).tolist() == [128]
    assert images[1, 0, 0].tolist() == list(BLUE)


def test_what_is_no_picture_is_named(folder):
    (folder / "train" / "blue" / "0.png").write_bytes(b"no picture")
    dataset = load_dataset("imagenet_folder", folder)
    with pytest.raises(UserError, match=r"blue/0\.png: not a picture that can be read"):
        dataset.batch(dataset.train, np.array([0]))


def test_a_class_of_one_split_alone(folder):
    picture(folder / "train" / "green" / "0.png", (0, 255, 0))
    with pytest.raises(UserError, match="train and val must have the same classes, and 'green' is in one of them"):
        load_dataset("imagenet_folder", folder)


def test_a_class_without_pictures(folder):
    for part in ("train", "val"):
        (folder / part / "void").mkdir()
    with pytest.raises(UserError, match=r"train/void: found no pictures \(\.jpeg, \.jpg, \.png\)"):
        load_dataset("imagenet_folder", folder)


def test_another_layout_and_no_folder(tmp_path):
    with pytest.raises(UserError, match="train: found 0 folders, expected one for each class, at most 1000"):
        load_dataset("imagenet_folder", tmp_path)
    with pytest.raises(
        UserError, match=r"(?s)ImageNet project's page .*\(dataset\.folder .* --data\)\nno folder given"
    ):
        load_dataset("imagenet_folder", None)


def test_without_pillow_the_message_says_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(UserError, match=r"^data set imagenet_folder needs Pillow: pip install 'accelsim\[images\]'"):
        load_dataset("imagenet_folder", folder)
