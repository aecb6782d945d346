"""Names, shapes and class counts of the data sets, known with no data on disk."""

import subprocess
import sys
from pathlib import Path

import pytest

from accelsim.errors import UserError
from accelsim.networks.dataset_field import KINDS as KINDS_OF_THE_FILE
from accelsim.training.datasets import DATASETS, KINDS, class_count, dataset_kind, image_shape, load_dataset


def test_the_kinds_are_registered():
    assert ", ".join(DATASETS) == KINDS_OF_THE_FILE
    assert len(KINDS) == len(DATASETS)
    assert all(DATASETS[kind.name] is kind.load for kind in KINDS)


@pytest.mark.parametrize(
    ("kind", "shape", "classes"),
    [
        ("digits", (8, 8, 1), 10),
        ("fashion_mnist", (28, 28, 1), 10),
        ("mnist", (28, 28, 1), 10),
        ("cifar10", (32, 32, 3), 10),
        ("cifar100", (32, 32, 3), 100),
        ("imagenet_folder", (224, 224, 3), 1000),
        ("npz", None, None),
        ("text", None, None),
    ],
)
def test_shape_and_classes_need_no_data(kind, shape, classes):
    assert image_shape(kind) == shape
    assert class_count(kind) == classes


def test_the_static_facts_agree_with_the_data():
    dataset = load_dataset("digits", None)
    assert (dataset.name, dataset.image_shape, dataset.classes) == ("digits", image_shape("digits"), 10)


@pytest.mark.parametrize("ask", [dataset_kind, image_shape, class_count, lambda kind: load_dataset(kind, None)])
def test_an_unknown_kind_gets_the_nearest_name(ask):
    with pytest.raises(UserError, match=r"no data set is called 'cifar_10'; allowed: .*did you mean 'cifar10'\?"):
        ask("cifar_10")


@pytest.mark.parametrize("kind", sorted(DATASETS))
def test_a_folder_that_does_not_exist_is_named(tmp_path, kind):
    with pytest.raises(UserError, match=f"there is no such folder; data set {kind}") as caught:
        load_dataset(kind, tmp_path / "absent")
    assert str(tmp_path / "absent") in str(caught.value)


def test_a_file_is_not_a_folder(tmp_path):
    path = tmp_path / "train.gz"
    path.write_bytes(b"")
    with pytest.raises(UserError, match=r"train\.gz: this is not a folder"):
        load_dataset("fashion_mnist", path)


def test_a_forbidden_folder_is_a_users_error(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", refuse)
    with pytest.raises(UserError, match=r"data_batch_1\.bin: cannot be read: Permission denied"):
        load_dataset("cifar10", tmp_path)


def test_asking_for_a_shape_does_not_import_scikit_learn():
    code = """if True:
        import sys
        from accelsim.training.datasets import image_shape
        image_shape("digits")
        sys.exit("sklearn" in sys.modules)
    """
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
