"""A cluster where it meets a workload: `check` says what `simulate` says."""

from __future__ import annotations

import pytest

from accelsim.hardware import load_hwconfig


@pytest.fixture
def cluster(hwconfig, tmp_path):
    """A hwconfig with so many machines, and the number of the line that says how many."""

    def made(machines, links="12.5 GB/s"):
        text = hwconfig.read_text(encoding="utf-8").rstrip() + "\n"
        path = tmp_path / "several.yaml"
        section = f"cluster:\n  machines: {machines}\n  link_bytes_per_s: {links}\n"
        path.write_text(text + section, encoding="utf-8")
        return path, len(text.splitlines()) + 2

    return made


def test_a_batch_that_cannot_be_shared_out_is_found_before_any_run(accelsim, cluster, workload):
    path, _ = cluster(7)
    assert accelsim("check", path).code == accelsim("check", cluster(4)[0], workload).code == 0
    path, _ = cluster(7)
    for command in (["check", path, workload], ["simulate", path, workload, "--timing-only"]):
        ran = accelsim(*command)
        assert ran.code == 2
        assert ran.err.startswith(f"error: {workload}:")
        assert "can't be shared out to 7 machines; allowed: multiples of 7, or other cluster.machines" in ran.err
        assert len(ran.err.splitlines()) == 1


def test_a_topology_is_refused_at_the_line_of_machines(accelsim, cluster, tmp_path):
    path, line = cluster(4)
    topology = tmp_path / "gemm.csv"
    topology.write_text("Layer, M, N, K,\nfirst, 8, 8, 8,\n", encoding="utf-8")
    for command in (["check", path, topology], ["simulate", path, topology, "--timing-only"]):
        ran = accelsim(*command)
        assert ran.code == 2
        assert ran.err.startswith(f"error: {path}:{line}:3: cluster.machines: found 4, but ")
        assert "gemm is a topology, which exchanges no gradients; allowed: 1, or no cluster" in ran.err


@pytest.mark.parametrize("links", ["12.5 GHz", "12.5 GB", "fast"])
def test_bandwidth_wants_bytes_in_a_time(accelsim, cluster, links):
    path, line = cluster(4, links)
    ran = accelsim("check", path)
    assert ran.code == 2
    assert ran.err.startswith(f"error: {path}:{line + 1}:3: cluster.link_bytes_per_s: found {links!r}")


def test_bandwidth_may_be_given_in_bits(cluster):
    found = [load_hwconfig(cluster(4, links)[0]).cluster for links in ("100 Gbit/s", "12.5 GB/s")]
    assert found[0].link_bytes_per_s == found[1].link_bytes_per_s == 12.5e9


def test_a_share_too_small_for_a_layer_is_found_at_its_line(accelsim, cluster, workload, tmp_path):
    text = workload.read_text(encoding="utf-8").replace("    - flatten\n", "    - flatten\n    - batch_norm\n")
    line = text.splitlines().index("    - flatten") + 2
    normed = tmp_path / "normed.yaml"
    normed.write_text(text, encoding="utf-8")
    path, _ = cluster(32)
    for command in (["check", path, normed], ["simulate", path, normed, "--timing-only"]):
        ran = accelsim(*command)
        assert ran.code == 2
        assert ran.err.startswith(
            f"error: {normed}:{line}:7: network.layers.8: layer batch_norm3 (batch_norm): normali"
        )
        assert "(larger batch_size, or fewer micro_batches or machines)" in ran.err
    assert accelsim("check", cluster(16)[0], normed).code == 0


def test_a_sweep_names_the_number_that_no_batch_is_shared_out_to(accelsim, cluster, workload):
    ran = accelsim("sweep", cluster(2)[0], workload, "--timing-only", "--vary", "cluster.machines=2,7")
    assert ran.code == 2
    assert ran.err.startswith("error: --vary cluster.machines=7: found 7, but batch_size 32 can't be shared out")
