"""Small edits of shipped accelerators."""

import pytest

HWCONFIGS = ("fp32", "fp32_same_macs", "int8_range_bn", "tpu_v1")


def edited(hw, part, **changes):
    """``hw`` with fields of one of its parts replaced, for instance ``edited(hw, "dram", latency_ns=0)``."""
    if part.startswith("buffers."):
        buffers = edited(hw.buffers, part.removeprefix("buffers."), **changes)
        return hw.model_copy(update={"buffers": buffers})
    return hw.model_copy(update={part: getattr(hw, part).model_copy(update=changes)})


@pytest.fixture(scope="session")
def edit():
    return edited


@pytest.fixture(scope="session", params=HWCONFIGS)
def case(request, load, trace):
    """(program, hardware) of each shipped hwconfig on the digits network."""
    return trace(request.param), load(request.param)
