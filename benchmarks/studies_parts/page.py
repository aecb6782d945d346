"""The page of both studies."""

from __future__ import annotations

import pandas as pd

from studies_parts.angles import BITS, STUDIES
from studies_parts.design_space import ARRAY, BUFFERS, COMMAND, DRAM, frontier

CLASSES = {
    "weights": "weights",
    "activations": "activations",
    "gradient_data_path": "data-path copy",
    "gradient_weight_path": "weight copy",
    "weight_gradient": "weight gradient",
}
SHOWN_BITS = (2, 4, 6, 8, 10, 12, 16)
POSTER = {2: ".20 ± .25", 4: ".74 ± .15", 6: ".88 ± .065", 8: ".985"}


def page(angles: pd.DataFrame, sweep: pd.DataFrame) -> str:
    return "\n".join([_HEAD, *_angles(angles), *_sweep(sweep)]) + "\n"


_HEAD = """# Two studies

`make studies` writes this page (`benchmarks/studies.py`); the tables beside it have all figures. Nothing here was
measured on hardware, and trainings are of small networks.
"""


def _angles(angles: pd.DataFrame) -> list[str]:
    lines = [_ANGLES, _rounding(angles)]
    for study in STUDIES:
        rows = angles[angles["study"] == study.title]
        lines += [f"### {study.title}, on `{study.hwconfig}`\n", f"`{study.command}`\n", *_by_bits(rows), ""]
    return lines


_POSTER = ", ".join(f"{cosine} at {bits} bits" for bits, cosine in POSTER.items())
_ANGLES = f"""## How many bits each tensor needs

The paper's analysis (`docs/precision.md`): the cosine between a tensor and its M-bit codes while a network trains; mean
± standard deviation over all tensors of a class and the steps looked at. *Weight gradient*: the one made with an M-bit
weight copy, against the one made with the unquantised layer gradient. *Needs*: fewest bits from which on mean less
deviation is at least 0.98, a rule of thumb; tried were 2, 4, 6 to 12 and 16. The authors' poster (another network; read
off a plot) has for the backward pass {_POSTER}.
"""


def _rounding(angles: pd.DataFrame) -> str:
    """What rounding the weight copy stochastically changes."""
    lines = ["The weight gradient, by how its copy is rounded: cosine at 8 bits, and the bits that it needs\n"]
    lines += ["| | to nearest | stochastically |", "|---|---|---|"]
    for nearest, stochastic in zip(STUDIES[:4:2], STUDIES[1:4:2], strict=True):
        found = angles[(angles["class"] == "weight_gradient") & (angles["bits"] == 8)].set_index("study")
        cells = [
            f"{row['mean']:.3f}, {_needs(row['bits_needed'])} bits"
            for row in (found.loc[s.title] for s in (nearest, stochastic))
        ]
        lines.append(f"| {nearest.title} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n\n" + _WHY


_WHY = """At 8 bits the stochastic copy is further from the gradient, and what it makes is nearer. What is lost to
nearest are the many elements below half a step, which become zero: they are what a norm's backward subtracts from every
element (a constant, and with ordinary batch norm a multiple of the normalised input), and the product adds it up. The
paper rounds gradients stochastically, as they are biased otherwise, and keeps 16 bits for the weight gradient; rounded
so, fewer bits keep its direction. At 4 bits that isn't so for the digits, and what accuracy says is another question:
`reports/banner/` has trainings with one stochastic 8-bit copy for both products.
"""


def _needs(bits: float) -> str:
    return f"more than {max(BITS)}" if pd.isna(bits) else f"{bits:.0f}"


def _by_bits(rows: pd.DataFrame) -> list[str]:
    lines = ["| class | " + " | ".join(map(str, SHOWN_BITS)) + " | needs |", "|---" * (len(SHOWN_BITS) + 2) + "|"]
    for name, title in CLASSES.items():
        of_class = rows[rows["class"] == name].set_index("bits")
        if len(of_class):
            cells = [f"{of_class.at[bits, 'mean']:.3f} ± {of_class.at[bits, 'sd']:.3f}" for bits in SHOWN_BITS]
            needs = _needs(of_class["bits_needed"].iloc[0])
            lines.append(f"| {title} | " + " | ".join(cells) + f" | {needs} |")
    return lines


def _sweep(sweep: pd.DataFrame) -> list[str]:
    ran = sweep[sweep["failed"].isna()]
    refused, run_as = len(sweep) - len(ran), int(ran["runs_as"].notna().sum())
    lines = [
        "## The size of a machine for ResNet-20\n",
        f"One training step, batch 128, of the shapes of CIFAR-10:\n\n```sh\n{COMMAND}\n```\n",
        f"{len(sweep)} machines: {refused} can't hold a fold of their array in their buffers, and {run_as} take the "
        "cycles of one with less, as the schedule found for all that they have is longer (`docs/sweeps.md`).\n",
        "Points that no other beats in time, energy and area at once:\n",
        "| array | DRAM | input and output buffers | step | energy | area | MAC utilisation |",
        "|---|---|---|---|---|---|---|",
    ]
    for _, row in frontier(sweep, "time_per_step_s", "energy_per_step_pj", "total_area_um2").iterrows():
        size = int(row[ARRAY])
        lines.append(
            f"| 2 of {size} x {size} | {row[DRAM]} | {row[BUFFERS]} each | {1e3 * row['time_per_step_s']:.1f} ms | "
            f"{row['energy_per_step_pj'] / 1e9:.0f} mJ | {row['total_area_um2'] / 1e6:.2f} mm² | "
            f"{row['mac_utilisation']:.1%} |"
        )
    return [*lines, "", *_by_dram(ran)]


def _by_dram(ran: pd.DataFrame) -> list[str]:
    """The fastest machine of each array on each DRAM."""
    lines = ["The fastest step by array and DRAM, whatever the buffers (energy of that machine):\n"]
    sizes = sorted(ran[ARRAY].unique())
    lines += ["| DRAM | " + " | ".join(f"{size} x {size}" for size in sizes) + " |", "|---" * (len(sizes) + 1) + "|"]
    for dram, rows in ran.groupby(DRAM, sort=False):
        best = [rows[rows[ARRAY] == size].nsmallest(1, "time_per_step_s").iloc[0] for size in sizes]
        cells = [f"{1e3 * row['time_per_step_s']:.1f} ms, {row['energy_per_step_pj'] / 1e9:.0f} mJ" for row in best]
        lines.append(f"| {dram} | " + " | ".join(cells) + " |")
    return lines
