"""Damaged checkpoints are refused; those from before checksums are read."""

from __future__ import annotations

import json

import numpy as np
import pytest
import safetensors
import safetensors.numpy

import accelsim
from accelsim.errors import UserError
from accelsim.training.checkpoint import read_checkpoint

FILES = ("hwconfigs/int8_range_bn.yaml", "workloads/digits_cnn.yaml")
NAME = "checkpoint.safetensors"


@pytest.fixture(scope="module")
def whole(root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    accelsim.simulate(*(root / path for path in FILES), out=folder, steps=2)
    return (folder / NAME).read_bytes()


@pytest.fixture
def rewrite(whole, tmp_path):
    """Writes the checkpoint anew, after a change of its tensors and of what it says of itself."""

    def rewritten(change):
        path = tmp_path / NAME
        path.write_bytes(whole)
        with safetensors.safe_open(path, framework="numpy") as file:
            described = json.loads(file.metadata()["accelsim"])
        tensors = safetensors.numpy.load_file(path)
        change(tensors, described)
        safetensors.numpy.save_file(tensors, path, {"accelsim": json.dumps(described)})
        return path

    return rewritten


@pytest.mark.parametrize("place", [-1, -5000, 0.5])
def test_one_flipped_byte_of_a_tensor(whole, tmp_path, place):
    broken = bytearray(whole)
    broken[place if isinstance(place, int) else int(place * len(whole))] ^= 1
    (tmp_path / NAME).write_bytes(broken)
    with pytest.raises(UserError, match="its bytes are not those that were written"):
        read_checkpoint(tmp_path / NAME)


def test_a_changed_word_of_itself(rewrite):
    def later(tensors, described):
        described["progress"]["step"] += 1

    with pytest.raises(UserError, match="its bytes are not those that were written"):
        read_checkpoint(rewrite(later))


def test_one_from_before_checksums_is_read(rewrite):
    def old(tensors, described):
        del described["crc32"], described["run"]

    assert read_checkpoint(rewrite(old)).progress.step == 2


def test_one_that_has_the_quantisers_and_no_accuracies_is_read(rewrite):
    def old(tensors, described):
        del described["crc32"], described["progress"]["pending_accuracies"]
        described["progress"]["quantisers"] = [{"tensor": "x", "step": 2}]

    assert read_checkpoint(rewrite(old)).progress.pending_accuracies == []


@pytest.mark.parametrize("dtype", [np.float64, np.int32])
def test_tensors_of_another_type_are_refused(root, rewrite, dtype):
    def retyped(tensors, described):
        del described["crc32"]
        tensors["conv2d1.weight"] = tensors["conv2d1.weight"].astype(dtype)

    folder = rewrite(retyped).parent
    with pytest.raises(UserError, match=f"conv2d1.weight is {np.dtype(dtype)}, and float32 is expected"):
        accelsim.simulate(*(root / path for path in FILES), out=folder, steps=3, resume=True)


@pytest.mark.parametrize("metadata", [None, {"accelsim": "x"}, {"accelsim": "[]"}, {"accelsim": "{}"}])
def test_a_run_folder_needs_a_checkpoint(root, whole, tmp_path, metadata):
    safetensors.numpy.save_file(safetensors.numpy.load(whole), tmp_path / NAME, metadata)
    for name, path in zip(("hwconfig.yaml", "workload.yaml"), FILES, strict=True):
        (tmp_path / name).write_bytes((root / path).read_bytes())
    with pytest.raises(UserError, match="not a checkpoint that can be read"):
        accelsim.evaluate(tmp_path)
