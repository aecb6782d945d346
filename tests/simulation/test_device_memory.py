"""A GPU too small for the batch: refused before training where that is certain, and explained where it happens."""

from __future__ import annotations

import pytest

from accelsim import simulate
from accelsim.datapath import NumpyKernels
from accelsim.datapath.kernels import Memory
from accelsim.errors import UserError
from accelsim.simulation import run
from accelsim.simulation.device_memory import largest_batch, needed_bytes
from accelsim.simulation.inputs import read_inputs


class _SmallDevice(NumpyKernels):
    """An allocator that gives out so many bytes in all."""

    def __init__(self, free_bytes, total_bytes, gives=1 << 60):
        self.sizes, self.left = Memory(free_bytes, total_bytes), gives

    def memory(self):
        return self.sizes

    def conv2d(self, *arguments):
        made = super().conv2d(*arguments)
        self.left -= made.nbytes
        if self.left < 0:
            raise MemoryError
        return made


@pytest.fixture
def files(root):
    return root / "hwconfigs" / "int8_range_bn.yaml", root / "workloads" / "digits_cnn.yaml"


def _on(monkeypatch, kernels):
    monkeypatch.setattr(run, "choose_kernels", lambda *arguments: kernels)


def test_refused_before_training(monkeypatch, files, tmp_path):
    """The batch that is named fits the estimate, and the next larger one does not."""
    inputs = read_inputs(*files)
    present = needed_bytes(inputs, 11) + 1
    _on(monkeypatch, _SmallDevice(present, 2 * present))
    with pytest.raises(UserError, match=r"a batch_size of 11 may fit \(--set batch_size=11\)"):
        simulate(*files, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert needed_bytes(inputs, 12) > present


def test_the_batch_that_is_named_has_equal_parts(monkeypatch, files):
    parts = ["micro_batches=4"]
    present = needed_bytes(read_inputs(*files, settings=parts), 12) + 1
    _on(monkeypatch, _SmallDevice(present, 2 * present))
    with pytest.raises(UserError, match=r"a batch_size of 12 may fit \(--set batch_size=12\), or more micro_batches"):
        simulate(*files, settings=parts)


def test_not_even_one_image(monkeypatch, files):
    _on(monkeypatch, _SmallDevice(1000, 1000))
    with pytest.raises(UserError, match="not even a batch_size of 1 fits"):
        simulate(*files)


def test_explained_when_it_happens(monkeypatch, files):
    """The estimate is a lower bound; once it proved wrong, no more than half the batch is advised."""
    batch = read_inputs(*files).training.batch_size
    _on(monkeypatch, _SmallDevice(1 << 40, 1 << 40, gives=1 << 20))
    with pytest.raises(UserError, match=rf"batch_size {batch} needs at least .* a batch_size of {batch // 2} may fit"):
        simulate(*files, steps=1)


def test_this_computers_own_memory_is_another_matter(monkeypatch, files):
    class Exhausted(NumpyKernels):
        def conv2d(self, *arguments):
            raise MemoryError

    _on(monkeypatch, Exhausted())
    with pytest.raises(MemoryError):
        simulate(*files, steps=1)


@pytest.mark.parametrize("limit", [0, 1, 2, 63, 64, 99])
def test_bisection(limit):
    assert largest_batch(lambda size: size <= limit, 100) == limit
