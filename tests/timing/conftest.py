"""Shipped accelerators, traced training steps and small edits of both."""

from functools import cache
from pathlib import Path

import pytest

from accelsim.hardware import load_hwconfig
from accelsim.networks import load_workload

ROOT = Path(__file__).parents[2]
HWCONFIGS = ("fp32", "fp32_same_macs", "int8_range_bn", "tpu_v1")


@cache
def shipped(name):
    return load_hwconfig(ROOT / "hwconfigs" / f"{name}.yaml")


@cache
def traced(hwconfig, workload="digits_cnn"):
    loaded = load_workload(ROOT / "workloads" / f"{workload}.yaml")
    recipe = shipped(hwconfig).recipe()
    return loaded.build().trace(recipe, loaded.optimizer, loaded.batch_size).program


def edited(hw, part, **changes):
    """``hw`` with fields of one of its parts replaced, for instance ``edited(hw, "dram", latency_ns=0)``."""
    if part.startswith("buffers."):
        buffers = edited(hw.buffers, part.removeprefix("buffers."), **changes)
        return hw.model_copy(update={"buffers": buffers})
    return hw.model_copy(update={part: getattr(hw, part).model_copy(update=changes)})


@pytest.fixture(scope="session")
def load():
    return shipped


@pytest.fixture(scope="session")
def trace():
    return traced


@pytest.fixture(scope="session")
def edit():
    return edited


@pytest.fixture(scope="session", params=HWCONFIGS)
def case(request):
    """(program, hardware) of each shipped hwconfig on the digits network."""
    return traced(request.param), shipped(request.param)
