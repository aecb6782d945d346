"""Pages and tables say which figures of a cluster are of all machines, and which of one."""

from __future__ import annotations

import dataclasses

import pytest

from accelsim.reports.compare import compare_page
from accelsim.reports.machines import OF_ALL, OF_ONE, cluster_notes
from accelsim.reports.page import hardware_facts, run_page
from accelsim.reports.summary_figures import SUMMARY_FIGURES, shown_figures


@pytest.fixture
def cluster(result):
    """Eight machines that are connected fully."""
    section = {"machines": 8, "topology": "fully_connected", "link_bytes_per_s": 25e9}
    return dataclasses.replace(
        result, summary=result.summary | {"machines": 8}, hwconfig=result.hwconfig | {"cluster": section}
    )


def test_whose_figures_are(result, cluster):
    titles = {figure.key: figure.title for figure in SUMMARY_FIGURES}
    assert set(titles) >= OF_ALL | OF_ONE
    assert not OF_ALL & OF_ONE
    alone = {figure.title: figure.meaning for figure in shown_figures(result)}
    said = {figure.title: figure.meaning for figure in shown_figures(cluster)}
    for key, title in titles.items():
        if title in alone:
            behind = "; of all machines" if key in OF_ALL else "; of one machine" if key in OF_ONE else ""
            assert said[title] == alone[title] + behind
    assert said["Energy per step"].endswith("; of all machines")
    assert said["Training memory"].endswith("; of one machine")


def test_pages_say_how_many_machines(result, cluster, page):
    assert hardware_facts(cluster.hwconfig)[-1] == "8 machines, fully connected"
    shown = run_page(cluster)
    assert "8 machines, fully connected" in shown
    assert "Of one machine of the cluster, as all are alike. Energy above is of all machines" in shown
    assert "of the cluster" not in page


def test_a_comparison_says_it_once(result, cluster):
    assert cluster_notes([result, result]) == []
    note = cluster_notes([result, cluster, cluster])
    assert len(note) == 1
    assert note[0] in compare_page([result, cluster])


@pytest.mark.parametrize(
    ("dram", "fact"),
    [
        ({"standard": "DDR4-2400"}, "DDR4-2400"),
        ({"standard": "HBM2-2000", "channels": 8}, "HBM2-2000, 8 channels"),
        ({"standard": "DDR4-2400", "channels": 1, "bandwidth_bytes_per_s": None}, "DDR4-2400, 1 channel"),
        ({"model": "bandwidth", "standard": "", "bandwidth_bytes_per_s": 34e9}, "DRAM of 34.0 GB/s"),
        ({"model": "bandwidth", "standard": "DDR3-2133", "bandwidth_bytes_per_s": 34e9}, "DDR3-2133 of 34.0 GB/s"),
    ],
)
def test_a_page_says_which_dram(result, dram, fact):
    assert hardware_facts(result.hwconfig | {"dram": dram})[-1] == fact
