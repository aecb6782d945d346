"""Throughput and efficiency: against their definitions, and as the summary of a real run has them."""

import pytest

import accelsim
from accelsim.hardware import load_hwconfig
from accelsim.reports.notebook import notebook_view
from accelsim.simulation.efficiency import efficiency, throughput


def test_samples_and_tokens():
    assert throughput(8, 8192, 0.5) == {"samples_per_s": 16.0, "tokens_per_s": 16384.0}
    assert throughput(8, None, 0.5)["tokens_per_s"] is None


def test_published_peak_of_the_first_tpu(root):
    """Jouppi et al. 2017: 92 TOPS of 8-bit operations, a multiply-accumulate being two."""
    assert efficiency(load_hwconfig(root / "hwconfigs" / "tpu_v1.yaml"), 1, 1.0, 1.0)["peak_tops"] == pytest.approx(
        92, abs=0.3
    )


def test_definitions(root):
    hw = load_hwconfig(root / "hwconfigs" / "tpu_v1.yaml")
    found = efficiency(hw, macs=5 * 10**11, seconds=0.25, energy_pj=2e12)
    assert found["achieved_tops"] == pytest.approx(4.0)
    assert found["tops_per_w"] == pytest.approx(0.5), "10^12 operations for 2 J"
    assert found["energy_delay_product_j_s"] == pytest.approx(0.5)
    free = efficiency(hw, macs=1, seconds=1.0, energy_pj=0.0)
    assert (free["tops_per_w"], free["energy_delay_product_j_s"]) == (None, None)


def test_the_summary_agrees_with_itself(root):
    run = accelsim.simulate(root / "hwconfigs" / "int8_range_bn.yaml", root / "workloads" / "digits_cnn.yaml", steps=1)
    found = run.summary
    assert found["achieved_tops"] == pytest.approx(found["peak_tops"] * found["mac_utilisation"])
    assert found["samples_per_s"] * found["time_per_step_s"] == pytest.approx(found["images_per_step"])
    assert (found["tokens_per_step"], found["tokens_per_s"]) == (None, None)
    assert found["test_loss"] == run.metrics["test_loss"].iloc[-1] > 0
    assert run._repr_html_() == notebook_view(run), "what simulate gives shows itself in a notebook"


def test_lazy_names_are_listed():
    assert {"simulate", "evaluate", "load_run", "__version__"} <= set(dir(accelsim))
    assert all(getattr(accelsim, name) for name in accelsim.__all__)
