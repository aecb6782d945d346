"""Paths and small machines that many tests share."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from accelsim.datapath import Datapath, NumpyKernels
from accelsim.datapath.kernels import Kernels
from accelsim.datapath.kernels.compiled import CompiledKernels
from accelsim.hardware import HardwareConfig, load_hwconfig
from accelsim.networks import load_workload
from accelsim.program import Program

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden"
BACKENDS = [NumpyKernels, CompiledKernels]

# Fewer than hypothesis's 100, to keep the fast suite short; the slow suite has a million cases a unit. No deadline: how
# long an example takes is the business of whatever else the computer does.
settings.register_profile("fast", max_examples=30, deadline=None)
settings.load_profile("fast")

KERNEL_FREE = {"energy", "formats", "gpu", "hardware", "networks", "reports", "test_imports.py", "timing", "yamlfile"}
"""Files and folders of tests that need none of the datapath's compiled kernels."""


def pytest_configure(config: pytest.Config) -> None:
    """Share the CPUs out: what the workers of xdist, started later, read of their threads."""
    if workers := config.getoption("numprocesses", None):
        threads = max(1, (os.cpu_count() or 1) // workers)
        os.environ.update(OMP_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS=str(threads))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Kernels come last: of two workers that take half of the tests each, one compiles and the other finds them."""
    items.sort(key=lambda item: KERNEL_FREE.isdisjoint(item.path.relative_to(ROOT).parts))


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def golden() -> Path:
    return GOLDEN


@pytest.fixture(scope="session", params=BACKENDS, ids=lambda backend: backend.name)
def kernels(request: pytest.FixtureRequest) -> Kernels:
    """Every backend of the datapath; a test that asks for it runs once on each."""
    return request.param()


@cache
def shipped(name: str) -> HardwareConfig:
    return load_hwconfig(ROOT / "hwconfigs" / f"{name}.yaml")


@cache
def traced(hwconfig: str, workload: str = "digits_cnn") -> Program:
    recipe = load_workload(ROOT / "workloads" / f"{workload}.yaml")
    return recipe.build().trace(shipped(hwconfig).recipe(), recipe.optimizer, recipe.batch_size).program


@pytest.fixture(scope="session")
def load() -> Callable[[str], HardwareConfig]:
    """A shipped hwconfig by name."""
    return shipped


@pytest.fixture(scope="session")
def trace() -> Callable[..., Program]:
    """The traced training step of a shipped workload, the digits by default, on a shipped hwconfig."""
    return traced


@pytest.fixture(scope="session")
def int8_machine() -> HardwareConfig:
    return shipped("int8_range_bn")


@pytest.fixture(scope="session")
def fp32_machine() -> HardwareConfig:
    return shipped("fp32")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(7))


@pytest.fixture(scope="session")
def make_datapath() -> Callable[..., Datapath]:
    """A checked datapath at the start of training step 0."""

    def make(hw: HardwareConfig, state: dict[str, np.ndarray], seed: int = 1) -> Datapath:
        machine = Datapath(hw.recipe(), state, seed=seed, check=True)
        machine.begin_step(0, training=True, learning_rate=0.1)
        return machine

    return make
