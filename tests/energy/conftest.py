"""A shipped accelerator and its simulated step on the digits network."""

from functools import cache
from pathlib import Path

import pytest

from accelsim.hardware import load_hwconfig
from accelsim.networks import load_workload
from accelsim.timing import simulate

ROOT = Path(__file__).parents[2]
HWCONFIGS = ("fp32", "fp32_same_macs", "int8_range_bn", "tpu_v1")


@cache
def shipped(name):
    return load_hwconfig(ROOT / "hwconfigs" / f"{name}.yaml")


@cache
def stepped(name):
    loaded = load_workload(ROOT / "workloads" / "digits_cnn.yaml")
    hw = shipped(name)
    program = loaded.build().trace(hw.recipe(), loaded.optimizer, loaded.batch_size).program
    return program, simulate(program, hw), hw


@pytest.fixture(scope="session")
def load():
    return shipped


@pytest.fixture(scope="session")
def step():
    return stepped


@pytest.fixture(scope="session", params=HWCONFIGS)
def case(request):
    """(program, timeline, hardware) of each shipped hwconfig."""
    return stepped(request.param)
