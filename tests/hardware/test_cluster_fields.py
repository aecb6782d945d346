"""The hwconfig's cluster section: what it refuses, and what the recipe has of it."""

from __future__ import annotations

import pytest

from accelsim.errors import UserError
from accelsim.formats import Role
from accelsim.hardware import load_hwconfig

LINKS = "machines: 4, link_bytes_per_s: 25 GB/s"
REFUSED = [
    ("{machines: 4}", "link_bytes_per_s: missing"),
    ("{machines: 0, link_bytes_per_s: 1 GB/s}", "machines: found 0; allowed: a whole number from 1 to 65536"),
    (f"{{{LINKS}, topology: torus}}", "topology: found 'torus'"),
    (f"{{{LINKS}, link_latency_ns: 3 km}}", "link_latency_ns: found '3 km'"),
    (f"{{{LINKS}, link_bandwidth: 1}}", "link_bandwidth: unknown field"),
    (f"{{{LINKS}, gradient: int9000}}", "int9000"),
    (f"{{{LINKS}, gradient: int32}}", "gradient: found int32; allowed: int2 to int16"),
    (f"{{{LINKS}, gradient: uint8}}", "gradient: found uint8"),
    (f"{{{LINKS}, gradient: ternary}}", "gradient: found ternary"),
    (f"{{{LINKS}, gradient: {{format: int8, affine: true}}}}", "gradient.affine: found true"),
    (
        f"{{{LINKS}, gradient: {{format: int8, granularity: per_channel}}}}",
        "gradient.granularity: found 'per_channel'; allowed: per_tensor",
    ),
    (f"{{{LINKS}, partial_sums: rounded}}", "partial_sums: found 'rounded', but there is no gradient"),
    (
        f"{{{LINKS}, topology: switch, gradient: int8, partial_sums: rounded}}",
        "partial_sums: found 'rounded', but in topology switch no partial sum travels",
    ),
]


@pytest.mark.parametrize(("section", "expected"), REFUSED)
def test_what_is_wrong_is_said(root, section, expected):
    with pytest.raises(UserError) as caught:
        load_hwconfig(root / "hwconfigs" / "int8_range_bn.yaml", [f"cluster={section}"])
    assert expected in str(caught.value)


def test_a_format_on_the_links_needs_what_converts(root):
    path, without = root / "hwconfigs" / "fp32.yaml", "quantise_unit=null"
    with pytest.raises(UserError, match=r"quantise_unit=null: missing, and cluster.gradient is bf16"):
        load_hwconfig(path, [without, f"cluster={{{LINKS}, gradient: bf16}}"])
    assert load_hwconfig(path, [without, f"cluster={{{LINKS}}}"]).machines == 4


def test_the_recipe_has_the_machines_and_what_is_sent(root):
    path = root / "hwconfigs" / "int8_range_bn.yaml"
    plain, wired = (
        load_hwconfig(path, [f"cluster={{{LINKS}{more}}}"]).recipe()
        for more in ("", ", gradient: {format: int8, rounding: stochastic}, partial_sums: rounded, bucket_bytes: 4 KiB")
    )
    assert (plain.machines, plain.exchange.bucket_bytes, plain.exchange.rounds_each_sum) == (4, 1 << 20, False)
    assert Role.EXCHANGED_GRADIENT not in plain.rules
    assert (wired.exchange.bucket_bytes, wired.exchange.rounds_each_sum) == (4096, True)
    assert str(wired[Role.EXCHANGED_GRADIENT].format) == "int8"
    assert wired[Role.EXCHANGED_GRADIENT].rounding == "stochastic"
