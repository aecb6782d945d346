"""SCALE-Sim's files on the command line."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def shipped(golden):
    return golden / "scalesim" / "shipped"


def test_from_cfg_and_topology_to_reports(accelsim, shipped, tmp_path):
    assert accelsim("import", "scalesim", shipped / "scale.cfg", "-o", "hw.yaml").out == "hwconfig: hw.yaml\n"
    topology = shipped / "Resnet18.csv"
    assert accelsim("check", "hw.yaml", topology).out.splitlines()[1] == f"{topology}: a valid topology"
    options = ("--timing-only", "--out", "run", "--scalesim-reports", "reports", "--json")
    summary = json.loads(accelsim("simulate", "hw.yaml", topology, *options).out)
    assert (summary["workload"], summary["images_per_step"], summary["seed"]) == ("Resnet18", 1, None)
    assert len((tmp_path / "reports" / "COMPUTE_REPORT.csv").read_text().splitlines()) == 22
    assert (tmp_path / "run" / "report.html").exists()


def test_the_terminal_speaks_of_products_and_shows_no_empty_table(accelsim, hwconfig, shipped):
    ran = accelsim("simulate", hwconfig, shipped / "dlrm_fwd.csv", "--timing-only", "--out", "run")
    assert ran.code == 0
    assert "Phases of one pass of these products" in ran.out
    assert "training step" not in ran.out
    assert "Weight-gradient products" not in ran.out


def test_the_run_folders_topology_can_be_simulated_again(accelsim, hwconfig, shipped, tmp_path):
    first = accelsim("simulate", hwconfig, shipped / "dlrm_fwd.csv", "--timing-only", "--out", "run", "--json")
    assert accelsim("check", "run/workload.yaml").out == "run/workload.yaml: a valid topology\n"
    again = accelsim("simulate", hwconfig, "run/workload.yaml", "--timing-only", "--out", "again", "--json")
    assert {**json.loads(again.out), "folder": ""} == {**json.loads(first.out), "folder": ""}


def test_a_cfg_is_printed_where_no_file_is_named(accelsim, shipped):
    ran = accelsim("import", "scalesim", shipped / "google.cfg")
    assert ran.code == 0
    assert 'name: "GoogleTPU_v1_os"' in ran.out


def test_a_file_is_not_overwritten_unless_asked(accelsim, shipped, tmp_path):
    (tmp_path / "hw.yaml").write_text("mine")
    ran = accelsim("import", "scalesim", shipped / "scale.cfg", "-o", "hw.yaml")
    assert (ran.code, ran.err) == (2, "error: hw.yaml: exists already; --force overwrites it\n")
    assert (tmp_path / "hw.yaml").read_text() == "mine"
    assert accelsim("import", "scalesim", shipped / "scale.cfg", "-o", "hw.yaml", "--force").code == 0
    assert accelsim("check", "hw.yaml").code == 0


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], "dlrm_fwd is a topology, which has nothing to train; give --timing-only"),
        (["--timing-only", "--epochs", 2], "--epochs belongs to training, and dlrm_fwd is a topology"),
        (["--timing-only", "--set", "batch_size=3"], "is a topology, which has no such field"),
    ],
)
def test_what_belongs_to_training_is_refused(accelsim, hwconfig, shipped, tmp_path, options, expected):
    ran = accelsim("simulate", hwconfig, shipped / "dlrm_fwd.csv", "--out", "run", *options)
    assert (ran.code, ran.out) == (2, "")
    assert expected in ran.err
    assert not (tmp_path / "run").exists()


def test_faults_of_a_topology(accelsim, hwconfig, tmp_path):
    (tmp_path / "net.csv").write_text("Layer, M, N, K,\na, 1, x, 1,\n")
    for arguments in (("check", "net.csv"), ("simulate", hwconfig, "net.csv", "--timing-only")):
        ran = accelsim(*arguments)
        assert (ran.code, ran.err) == (
            2,
            "error: net.csv:2:7: N: found 'x'; allowed: a whole number from 1 to 16777216\n",
        )
    (tmp_path / "net.yaml").write_text("name: a\nlayers:\n- {name: b, input_shape: [2, 4, 1], filters: 1, kernel: 3}\n")
    ran = accelsim("simulate", hwconfig, "net.yaml", "--timing-only")
    assert ran.err == "error: net.yaml:3:49: layers.0.kernel: found [3, 3], but the image has height 2 and no padding\n"
    assert "this looks like a topology file" in accelsim("simulate", "net.yaml", "net.yaml").err


def test_every_tensor_of_a_topology_is_explained(accelsim, hwconfig, shipped):
    rows = json.loads(accelsim("explain", hwconfig, shipped / "vit_s.csv", "--json", "--layer", "L0").out)
    assert [(row["tensor"], row["format"]) for row in rows] == [
        ("L0.input", "int8"),
        ("L0.weight", "int8"),
        ("L0.product", "int32"),
    ]
    assert {row["scale"] for row in rows[:2]} == {"not part of a topology"}


def test_hwconfigs_are_compared_on_a_topology(accelsim, hwconfig, root, shipped):
    tpu = root / "hwconfigs" / "tpu_v1.yaml"
    ran = accelsim("compare", hwconfig, tpu, "--workload", shipped / "vit_s.csv", "--json")
    assert ran.code == 0
