"""NumPy .npz files as Keras packs them, whole and faulty."""

import numpy as np
import pytest

from accelsim.errors import UserError
from accelsim.training.datasets import load_dataset

X = np.random.default_rng(2).integers(0, 256, (12, 5, 6), dtype=np.uint8)
Y = np.arange(12, dtype=np.uint8) % 4
WHOLE = {"x_train": X, "y_train": Y, "x_test": X[:3], "y_test": Y[:3]}


def write(folder, **changed):
    path = folder / "data.npz"
    np.savez(path, **{name: array for name, array in (WHOLE | changed).items() if array is not None})
    return path


def failure(place):
    with pytest.raises(UserError) as caught:
        load_dataset("npz", place)
    first, rest = str(caught.value).split("\n", 1)
    assert first.startswith("data set npz: give a NumPy .npz file with x_train, y_train, x_test, y_test, or a folder")
    return rest


@pytest.mark.parametrize("whole_folder", [True, False])
def test_grey_images(tmp_path, whole_folder):
    path = write(tmp_path)
    dataset = load_dataset("npz", tmp_path if whole_folder else path)
    assert (dataset.image_shape, dataset.classes) == ((5, 6, 1), 4)
    assert np.array_equal(dataset.train.images[..., 0], X)
    assert dataset.test.labels.tolist() == [0, 1, 2]
    assert dataset.train.labels.dtype == np.int64


def test_colour_images_and_labels_in_a_column(tmp_path):
    colour = np.stack([X, X // 2, X // 3], axis=-1)
    write(tmp_path, x_train=colour, x_test=colour[:3], y_train=Y[:, np.newaxis].astype(np.int64))
    dataset = load_dataset("npz", tmp_path)
    assert dataset.image_shape == (5, 6, 3)
    assert np.array_equal(dataset.train.images, colour)
    assert dataset.train.labels.tolist() == Y.tolist()


def test_the_network_says_shape_and_classes(tmp_path):
    dataset = load_dataset("npz", write(tmp_path))
    assert dataset.shaped((5, 6, 1), 9) is dataset
    with pytest.raises(UserError, match=r"found images of \[5, 6, 1\], but network.input_shape is \[8, 8, 1\]"):
        dataset.shaped((8, 8, 1), 4)
    with pytest.raises(UserError, match=r"found labels up to 3, expected 0..2 \(network.classes\)"):
        dataset.shaped((5, 6, 1), 3)


CASES = {
    "missing": ({"y_test": None}, "found x_train, y_train, x_test; expected also y_test"),
    "float pixels": ({"x_train": X / 255}, "x_train: found float64 of shape (12, 5, 6), expected uint8 pixels"),
    "flat pixels": ({"x_test": X[:3].reshape(3, -1)}, "x_test: found uint8 of shape (3, 30), expected uint8 pixels"),
    "no pixels": ({"x_train": X[:0], "y_train": Y[:0]}, "x_train: found uint8 of shape (0, 5, 6)"),
    "float labels": ({"y_train": Y / 2}, "y_train: found float64 of shape (12,), expected 12 whole numbers"),
    "too few labels": ({"y_test": Y[:2]}, "y_test: found uint8 of shape (2,), expected 3 whole numbers"),
    "negative label": ({"y_test": np.array([0, -1, 2])}, "y_test: found -1 for image 1, expected 0..65535"),
    "other test images": ({"x_test": X[:3, :4]}, "found images of shape (5, 6, 1) and (4, 6, 1) to train and to test"),
    "objects": ({"y_train": np.array([{}] * 12)}, "Object arrays cannot be loaded"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_faulty_file_is_named_with_what_was_found(tmp_path, case):
    changed, expected = CASES[case]
    path = write(tmp_path, **changed)
    message = failure(tmp_path)
    assert message.startswith(f"{path}: ")
    assert expected in message


@pytest.mark.parametrize("data", [b"", b"no archive", None])
def test_what_is_no_npz_file(tmp_path, data):
    path = write(tmp_path)
    path.write_bytes(path.read_bytes()[:-40] if data is None else data)
    assert failure(path).startswith(f"{path}: not a .npz file that can be read: ")


def test_one_array_alone(tmp_path):
    path = tmp_path / "data.npz"
    with path.open("wb") as file:
        np.save(file, X)
    assert failure(path).startswith(f"{path}: found one array, expected a .npz file")


def test_one_file_in_the_folder(tmp_path):
    assert failure(tmp_path) == f"{tmp_path}: found 0 .npz files, expected one"
    write(tmp_path)
    np.savez(tmp_path / "other.npz", **WHOLE)
    assert failure(tmp_path) == f"{tmp_path}: found 2 .npz files: data.npz, other.npz, expected one"
    assert failure(None) == "no folder or file given"


def test_a_file_that_is_not_there(tmp_path):
    assert "No such file" in failure(tmp_path / "absent.npz")
