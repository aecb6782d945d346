"""Training on a part of the training set."""

import numpy as np
import pytest

from accelsim import load_workload
from accelsim.errors import UserError
from accelsim.training.datasets import read_dataset
from accelsim.training.datasets.dataset import Split
from accelsim.training.datasets.imagenet_folder import Pictures


def reader(count):
    workload = load_workload("workloads/digits_cnn.yaml")
    field = workload.dataset.model_copy(update={"training_images": count})
    return read_dataset(workload.model_copy(update={"dataset": field}), None)


def test_images_are_evenly_spaced_and_normalised_as_the_whole_set_is():
    whole, part = reader(None), reader(100)
    assert len(part.train) == 100
    chosen = [i * len(whole.train) // 100 for i in range(100)]
    assert np.array_equal(part.train.images, whole.train.images[chosen])
    assert np.array_equal(part.train.labels, whole.train.labels[chosen])
    assert (part.mean, part.std) == (whole.mean, whole.std)
    assert len(part.test) == len(whole.test)


def test_all_images_are_the_whole_set():
    whole = reader(None)
    assert np.array_equal(reader(len(whole.train)).train.images, whole.train.images)


def test_more_images_than_there_are():
    with pytest.raises(UserError, match=r"training_images: found 5000, but digits has 1437"):
        reader(5000)


def test_pictures_are_taken_without_decoding(tmp_path):
    paths = [tmp_path / f"{index}.png" for index in range(6)]
    part = Split(Pictures(paths), np.arange(6)).spread(3)
    assert part.images.paths == [paths[0], paths[2], paths[4]]
    assert part.labels.tolist() == [0, 2, 4]
