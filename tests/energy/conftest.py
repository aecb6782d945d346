"""Simulated steps of shipped accelerators on the digits network."""

from functools import cache

import pytest

from accelsim.timing import simulate

HWCONFIGS = ("fp32", "fp32_same_macs", "int8_range_bn", "tpu_v1")


@pytest.fixture(scope="session")
def step(load, trace):
    @cache
    def stepped(name):
        return trace(name), simulate(trace(name), load(name)), load(name)

    return stepped


@pytest.fixture(scope="session", params=HWCONFIGS)
def case(request, step):
    """(program, timeline, hardware) of each shipped hwconfig."""
    return step(request.param)
