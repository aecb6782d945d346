"""Every hwconfig that ships loads and times a training step; machines that others built have their published size."""

from __future__ import annotations

from pathlib import Path

import pytest

from accelsim.energy import step_energy
from accelsim.hardware import dram_standards, load_hwconfig
from accelsim.timing import DramModel, simulate

FOLDER = Path(__file__).parents[2] / "hwconfigs"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
PUBLISHED = {
    # Peak, in TOPS (a multiply-accumulate is two), and buffers, in KiB.
    "tpu_v1": (92, 28 * 1024 + 256),
    "eyeriss": (0.0672, 108),
    "gemmini": (0.512, 320),
    "nvdla_full": (4.096, 512 + 64),
    "tpu_v4i": (138, (128 + 16) * 1024),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_training_step_is_timed(name, load, trace):
    hw, program = load(name), trace(name)
    timeline = simulate(program, hw)
    assert hw.name == name
    assert timeline.total_cycles * hw.mac_array.macs_per_cycle >= program.macs
    assert step_energy(program, timeline, hw).total_pj > 0


@pytest.mark.parametrize("name", NAMES)
def test_another_standard_brings_its_own_channels(name, load):
    """What a file says of channels is what its standard doesn't, so that none keeps one channel of a stack of HBM."""
    hw, standards = load(name), dram_standards()
    if hw.dram.row is None:
        return
    assert hw.dram.channels != hw.dram.row.channels
    if hw.dram.channels is None:
        stack = load_hwconfig(FOLDER / f"{name}.yaml", ["dram.standard=HBM2-2000"])
        assert DramModel.of(stack).channels == standards["HBM2-2000"].channels == 16


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_machines_have_their_size(name, load):
    hw = load(name)
    peak, buffers_kib = PUBLISHED[name]
    assert 2 * hw.mac_array.macs_per_cycle * hw.clock_mhz / 1e6 == pytest.approx(peak, rel=0.005)
    buffers = (hw.buffers.input, hw.buffers.weight, hw.buffers.output)
    assert sum(buffer.capacity_bytes for buffer in buffers) == buffers_kib * 1024


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_figure_says_how_sure_it_is(name, root):
    """Of the chip: clock, node, array and DRAM; each on a line of its own."""
    text = (root / "hwconfigs" / f"{name}.yaml").read_text(encoding="utf-8")
    sure = ("published", "second-hand", "recalled", "read", "assumed")
    for field in ("clock_mhz", "technology", "rows", "columns", "operand", "dataflow", "fold_overlap", "edge_folds"):
        line = next(line for line in text.splitlines() if line.split(":")[0].strip() == field)
        assert any(word in line for word in (*sure, "stands in", "see above")), line
