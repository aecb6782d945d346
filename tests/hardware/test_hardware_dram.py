"""hwconfig: the dram section, its table and its messages."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from accelsim.hardware import Dram, dram_standards

PLAIN = {"model": "bandwidth", "bandwidth_bytes_per_s": "19.2 GB/s", "energy_pj_per_bit": 20.3}
LISTED = ", ".join(dram_standards())


@pytest.mark.parametrize("row", dram_standards().values(), ids=lambda row: row.name)
def test_a_standard_alone_is_enough(row):
    dram = Dram(standard=row.name)
    assert dram.row == row
    assert dram.laid_over(row) == (row.organisation, row.timing)
    assert row.name.split("-")[1] == str(row.organisation.data_rate_mtps)


@pytest.mark.parametrize("row", dram_standards().values(), ids=lambda row: row.name)
def test_rows_are_consistent_and_say_where_they_come_from(row):
    timing = row.timing
    assert timing.tRC_ns > timing.tRP_ns
    assert timing.tRRD_S_ns <= timing.tRRD_L_ns
    assert timing.tCCD_S_ns <= timing.tCCD_L_ns
    assert timing.tRFC_ns < timing.tREFI_ns
    assert min(len(row.source), len(row.energy.source)) > 10
    assert row.energy.band == (1, 1) or row.energy.band_source
    if row.core is not None:
        assert max(row.core.read_pj_per_bit, row.core.write_pj_per_bit) < row.energy.pj_per_bit * row.energy.band[0]


def test_figures_are_replaced_one_by_one():
    dram = Dram(standard="DDR4-3200", timing={"tRP_ns": "14 ns"}, organisation={"row_bytes": 4096})
    row = dram_standards()["DDR4-3200"]
    organisation, timing = dram.laid_over(row)
    assert timing == row.timing.model_copy(update={"tRP_ns": 14.0})
    assert organisation == row.organisation.model_copy(update={"row_bytes": 4096})


def test_plain_bandwidth_takes_any_label():
    dram = Dram(standard="DDR3-2133", **PLAIN)
    assert dram.row is None
    assert dram.bandwidth_bytes_per_s == 19.2e9
    assert Dram.model_validate(dram.model_dump(mode="json")) == dram


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"standard": "DDR4-2401"}, "standard", f"found 'DDR4-2401'; allowed: {LISTED}, or any label with model"),
        ({"standard": "GDDR6"}, "standard", "(did you mean 'GDDR6-14000'?)"),
        ({}, "standard", f"missing; allowed: {LISTED}"),
        ({"standard": "DDR4-2400", "bandwidth_bytes_per_s": 1e9}, "bandwidth_bytes_per_s", "add that or leave it out"),
        ({"standard": "DDR4-2400", "efficiency": 0.5}, "efficiency", "it belongs to 'model: bandwidth'"),
        (
            {"standard": "DDR4-2400", "interleave_bytes": 100},
            "interleave_bytes",
            "interleave_bytes is 100; allowed: a multiple of 64",
        ),
        ({"standard": "DDR4-2400", "timing": {"tREFI_ns": 300}}, "tREFI_ns", "less than tREFI_ns, which is 300"),
        ({"standard": "DDR4-2400", "timing": {"tRFC_ns": 1e4}}, "tRFC_ns", "tRFC_ns is 10000; allowed: less than"),
        ({"standard": "DDR4-2400", "timing": {"tCK_ns": 5}}, "tCK_ns", "no result depends on it"),
        ({"standard": "DDR4-2400", "organisation": {"row_bytes": 3}}, "row_bytes", "row_bytes is 3; allowed: a multi"),
        ({"standard": "DDR4-2400", "organisation": {"burst_length": 64}}, "burst_length", "interleave_bytes is 256; a"),
        ({"standard": "DDR4-2400", "organisation": {"channel_bits": 1, "burst_length": 1}}, "organisation", "of 8"),
        ({"standard": "DDR4-2400", "timing": {"tRPns": 14}}, "tRPns", "unknown field 'tRPns' (did you mean 'tRP_ns'?)"),
        ({"standard": "DDR4-2400", "organisation": {"rows": 1}}, "rows", "unknown field 'rows'"),
        ({"model": "bandwidth", "energy_pj_per_bit": 1}, "bandwidth_bytes_per_s", "missing, and model is 'bandwidth'"),
        ({"model": "bandwidth", "bandwidth_bytes_per_s": 1e9}, "energy_pj_per_bit", "missing, and model is"),
        ({**PLAIN, "channels": 2}, "channels", "found 2, but it belongs to model 'standard'"),
        ({**PLAIN, "pattern": "random"}, "pattern", "found 'random', but it belongs to model 'standard'"),
        ({**PLAIN, "timing": {"tRP_ns": 14}}, "timing", "it belongs to model 'standard'; leave it out"),
    ],
)
def test_one_fault_names_its_field_and_what_is_allowed(fields, field, message):
    with pytest.raises(ValidationError) as caught:
        Dram(**fields)
    (error,) = caught.value.errors()
    assert field in error["loc"]
    assert message in error["msg"]
