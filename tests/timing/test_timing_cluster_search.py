"""Of a cluster every order of service is tried, however long its Program is."""

from __future__ import annotations

import pytest

import accelsim
from accelsim.timing import schedule_search
from accelsim.timing.placed_step import PlacedStep
from accelsim.timing.scheduling.priorities import Service

CLUSTER = "cluster={machines: 4, link_bytes_per_s: 1 GB/s}"


@pytest.mark.parametrize(("settings", "expected"), [([], {Service.PHASES}), ([CLUSTER], set(Service))])
def test_orders_of_service_of_a_long_program(root, monkeypatch, settings, expected):
    served, plain = set(), PlacedStep.schedule

    def noted(placed, run, *given, **named):
        served.add(run.service)
        return plain(placed, run, *given, **named)

    monkeypatch.setattr(schedule_search, "MOST_OPERATIONS", 0)
    monkeypatch.setattr(PlacedStep, "schedule", noted)
    files = root / "hwconfigs" / "int8_range_bn.yaml", root / "workloads" / "digits_cnn.yaml"
    accelsim.simulate(*files, timing_only=True, settings=settings)
    assert served == expected
