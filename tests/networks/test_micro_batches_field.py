"""``micro_batches``: which numbers it takes, and that a run without it is the one it was."""

from __future__ import annotations

import pytest

from accelsim.errors import UserError
from accelsim.networks import load_workload
from accelsim.networks.workload_text import workload_text
from accelsim.simulation.device_memory import needed_bytes
from accelsim.simulation.inputs import read_inputs


@pytest.fixture
def paths(root):
    return root / "hwconfigs" / "int8_range_bn.yaml", root / "workloads" / "digits_cnn.yaml"


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ("3", "found 3, which doesn't divide a batch_size of 32; allowed: its divisors, such as 1, 2, 4, 8"),
        ("64", "found 64, which doesn't divide a batch_size of 32; allowed: its divisors, such as 16, 32"),
        ("0", "found 0; allowed: a whole number from 1 to 1048576"),
        ("2.5", "found 2.5; allowed: a whole number from 1 to 1048576"),
    ],
)
def test_faults(paths, found, message):
    with pytest.raises(UserError) as error:
        read_inputs(*paths, settings=[f"micro_batches={found}"])
    assert str(error.value) == f"--set micro_batches={found}: {message}"


def test_a_batch_too_small_for_its_parts(paths, root, tmp_path):
    """The fault names the field of the file, wherever the other number comes from."""
    path = tmp_path / "x.yaml"
    path.write_text(paths[1].read_text() + "micro_batches: 8\n")
    assert load_workload(path).micro_batches == 8
    with pytest.raises(UserError, match=r"x.yaml:\d+:1: micro_batches: found 8, which doesn't divide"):
        read_inputs(paths[0], path, settings=["batch_size=4"])


def test_a_norm_needs_values_in_every_part(root):
    paths = root / "hwconfigs" / "fp32.yaml", root / "workloads" / "fashion_mnist_mlp.yaml"
    batch = load_workload(paths[1]).batch_size
    norm = "network.layers=[flatten, {linear: {units: 10}}, batch_norm]"
    read_inputs(*paths, settings=[norm, f"micro_batches={batch // 2}"])
    with pytest.raises(UserError, match=r"normalises over 1 value per channel; .* or fewer micro_batches"):
        read_inputs(*paths, settings=[norm, f"micro_batches={batch}"])


@pytest.mark.parametrize(("settings", "found"), [([], None), (["micro_batches=1"], None), (["micro_batches=4"], 4)])
def test_a_run_from_before_keeps_its_fingerprint(paths, settings, found):
    """What a run is compared with on --resume says nothing of parts where there is one."""
    assert read_inputs(*paths, settings=settings).described["workload"].get("micro_batches") == found


@pytest.mark.parametrize("parts", [1, 4])
def test_the_text_of_a_workload_has_it(paths, parts, tmp_path):
    path, workload = tmp_path / "x.yaml", load_workload(paths[1]).model_copy(update={"micro_batches": parts})
    path.write_text(workload_text(workload))
    assert load_workload(path) == workload
    assert ("micro_batches" in path.read_text()) == (parts > 1)


def test_checks_of_memory_know_it(paths):
    """The emulation needs less, too; a batch that is advised has as many equal parts."""
    whole, parts = (read_inputs(*paths, settings=[f"micro_batches={k}"]) for k in (1, 4))
    assert needed_bytes(parts, 32) < 0.5 * needed_bytes(whole, 32)
