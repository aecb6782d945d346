"""What few random bits do to stochastic rounding: bias, sums and training. Writes reports/random_bits/.

Run ``make random-bits``. What each training came to is kept in reports/random_bits/trainings.csv and isn't trained
again, so a stopped report goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from statistics import mean
from textwrap import fill

from kept_trainings import RECORDS, ROOT
from random_bits_parts import bias, figures, sums
from random_bits_parts.training import BITS, FP32, TASKS, Choice, Outcome, train_all
from report_page import Figure, Table, page
from rich.progress import track

from accelsim.datapath.kernels import Kernels
from accelsim.datapath.kernels.compiled import CompiledKernels
from accelsim.formats import RandomSource
from accelsim.simulation.assemble import versions

TITLE = "Few random bits in stochastic rounding"
REPORT = ROOT / "reports" / "random_bits"
RANDOM_BITS = range(1, 17)
STAIRS = (1, 2, 3, 4)
WIDTH = 120
Measured = dict[str, list[Fraction]]


def measure(kernels: Kernels) -> Measured:
    """Exact mean bias by kernel and random source, for 1 to 16 random bits."""
    cases = [(source, name) for source in RandomSource for name in bias.KERNELS]
    found: Measured = {f"{name}, {source}": [] for source, name in cases}
    for bits in track(RANDOM_BITS, "Bias of the kernels"):
        for source, name in cases:
            kernel = bias.KERNELS[name]
            found[f"{name}, {source}"].append(bias.measured_bias(kernels, kernel, source, bits))
    return found


def bias_table(kernels: Kernels, measured: Measured) -> Table:
    """Formula, measurement and plain sampling, for each number of random bits."""
    header = [
        "r",
        "-2^-(r+1)",
        f"exact, r + {bias.BELOW} bits",
        "kernels that equal it",
        "sampled mean",
        "(standard error)",
    ]
    header += ["sampled, lfsr", "mean squared error", "1/6 + 4^-r/6"]
    rows = []
    for bits in track(RANDOM_BITS, "Sampling"):
        philox, lfsr = (bias.sampled(kernels, source, bits) for source in (RandomSource.PHILOX, RandomSource.LFSR))
        exact = bias.mean_bias(bits)
        equal = sum(values[bits - 1] == exact for values in measured.values())
        row = [str(bits), f"{-(2.0 ** -(bits + 1)):.7f}", f"{float(exact):.7f}", f"{equal} of {len(measured)}"]
        row += [f"{philox.mean:.5f}", f"{philox.standard_error:.5f}", f"{lfsr.mean:.5f}"]
        rows.append([*row, f"{philox.squared:.5f}", f"{(1 + 4.0**-bits) / 6:.5f}"])
    return Table("Bias and variance", ABOUT_BIAS, header, rows)


def sum_table(walks: Sequence[sums.Walk]) -> Table:
    """Where the sums end, beside the prediction."""
    header = ["ulp after 10,000 increments", "exact", "nearest", *(f"r = {bits}" for bits in BITS)]
    rows = []
    for direction, where in sums.DIRECTIONS.items():
        ends = {(walk.format, walk.bits): walk for walk in walks if walk.direction == direction}
        exact = f"{round(ends['bf16', None].exact[-1], 1) + 0.0:.1f}"
        predicted = [f"{sums.predicted(direction, bits):.1f}" for bits in (None, *BITS)]
        rows.append([f"{where}: predicted", exact, *predicted])
        rows += [
            [f"{where}: {f}", exact, *(f"{ends[f, b].mean[-1]:.1f}" for b in (None, *BITS))] for f in sums.ROUNDERS
        ]
    return Table("Ten thousand increments of 0.01 ulp", ABOUT_SUMS, header, rows)


def training_table(outcomes: Sequence[Outcome]) -> Table:
    """Means over the seeds; the spread of the accuracy in brackets."""
    header = ["task", "master weights", "test accuracy, %", "test loss", "training loss", "mean size of weights"]
    rows = []
    for task, choice in dict.fromkeys((o.task, o.choice) for o in outcomes):
        found = [o for o in outcomes if (o.task, o.choice) == (task, choice)]
        accuracies = [100 * o.accuracy for o in found]
        spread = f" ({max(accuracies) - min(accuracies):.2f})" if len(found) > 1 else ""
        means = [mean(getattr(o, name) for o in found) for name in ("test_loss", "train_loss", "magnitude", "mean")]
        kept = f"{choice.format}, {'r = ' if choice.bits else ''}{choice.rounding}" if choice != FP32 else "fp32"
        rows.append([task.name, kept, f"{mean(accuracies):.2f}{spread}", *(f"{value:.4f}" for value in means)])
    return Table("Training", ABOUT_TRAINING, [*header, "mean weight"], rows)


def drawn(
    kernels: Kernels, measured: Measured, walks: Sequence[sums.Walk], outcomes: Sequence[Outcome]
) -> list[Figure]:
    """Every figure of the page."""
    stairs = {bits: bias.staircase(kernels, bits) for bits in STAIRS}
    if any(off for points in stairs.values() for _, _, off in points):
        raise ArithmeticError("a kernel's bias is not that of adding every random code")
    points = {bits: ([f for f, _, _ in found], [b for _, b, _ in found]) for bits, found in stairs.items()}
    exact = [bias.mean_bias(bits) for bits in RANDOM_BITS]
    shown = {name: values for name, values in measured.items() if name.endswith("philox")}
    bf16 = [walk for walk in walks if walk.format == "bf16"]
    return [
        Figure("staircase", "Bias against the fraction", ABOUT_STAIRCASE, figures.staircases(points), wide=False),
        Figure("mean", "Mean bias against the random bits", ABOUT_MEAN, figures.mean_biases(exact, shown), wide=False),
        Figure("sums", "10,000 increments of 0.01 ulp, bf16", ABOUT_SUMS, figures.sums(bf16)),
        Figure(
            "loss",
            "Test loss after training",
            "Few random bits in bf16 cost loss where nothing normalises; where batch norm does, they hardly do.",
            figures.training(outcomes, "test_loss", "Test loss", ".2~g", log=True),
            wide=False,
        ),
        Figure(
            "accuracy",
            "Test accuracy after training",
            "The same runs. With batch norm, few bits do no harm here, and help where the rate is too low.",
            figures.training(outcomes, "accuracy", "Test accuracy", ".0%"),
            wide=False,
        ),
        Figure(
            "weight",
            "Size of the weights after training",
            "Mean magnitude of the weights of convolutions and classifier: few random bits pull floats toward zero.",
            figures.training(outcomes, "magnitude", "Mean size of weights", ".2~g"),
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "random_bits")
    parser.add_argument("--kept", type=Path, default=REPORT, help=f"folder of {RECORDS}")
    parser.add_argument("--out", type=Path, default=REPORT)
    arguments = parser.parse_args()
    kernels = CompiledKernels()
    outcomes, measured = train_all(arguments.runs, arguments.kept / RECORDS), measure(kernels)
    cases = [(f, d, bits) for f in sums.ROUNDERS for d in sums.DIRECTIONS for bits in (None, *BITS)]
    walks = [sums.walk(kernels, *case) for case in track(cases, "Sums")]
    tables = [bias_table(kernels, measured), sum_table(walks), training_table(outcomes)]
    html = page(TITLE, LEAD, drawn(kernels, measured, walks, outcomes), tables, versions())
    commands = "\n".join(f"- {t.name} ({t.about}):\n  `{t.command(Choice('bf16', 1), 1)}`" for t in TASKS)
    sections = "\n\n".join(
        f"## {each.title}\n\n{fill(each.about, WIDTH, break_on_hyphens=False)}\n\n{each.markdown()}" for each in tables
    )
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "index.html").write_text(html, encoding="utf-8")
    text = README.format(
        title=TITLE, lead=fill(LEAD, WIDTH, break_on_hyphens=False), sections=sections, commands=commands
    )
    (arguments.out / "README.md").write_text(text, encoding="utf-8")


LEAD = (
    "Stochastic rounding adds r random bits just below the last kept bit and drops the rest. A fraction of the last "
    "place is then rounded up with the chance floor(fraction x 2^r) / 2^r, so what lies below 2^-r ulp is lost every "
    "time: a bias of -2^-(r+1) ulp on average, toward minus infinity for integers and toward zero for floats."
)
ABOUT_BIAS = (
    "In units of the last kept place. `exact`: the mean over every fraction of r + 4 bits and every random code is "
    "-2^-(r+1)+2^-(r+5). Measured by `requantise_stochastic`, `quantise_stochastic` and the update unit's rounding "
    "to bf16, each with Philox and with the shift register, on inputs laid out so that every fraction meets every code "
    "once (above 6 bits every lowest part under fewer top parts, which has the same mean): equal as fractions, not to "
    "a tolerance. `sampled`: 4 M random fractions through `requantise_stochastic` as they come. The variance of the "
    "random choice is (1 - 4^-r)/6, the mean square of what is lost 4^-r/3, together 1/6 + 4^-r/6."
)
ABOUT_STAIRCASE = (
    "Lines: minus what lies below 2^-r. Points: requantise_stochastic over all 2^r random codes at each fraction; they "
    "equal the sum over the codes in Python fractions. Fractions below 2^-r never round up."
)
ABOUT_MEAN = (
    "Line: -2^-(r+1), for evenly distributed fractions. Marks: the kernels, every random code once, on fractions of "
    "r + 4 bits, where the mean is a sixteenth less."
)
ABOUT_SUMS = (
    "A positive number takes 10,000 increments of 0.01 ulp and is rounded after each, in 256 copies with random bits "
    "of their own (means shown). Away from zero nothing gets through up to r = 6, since 0.01 < 2^-r; toward zero one "
    "increment in 2^r moves a whole ulp. Increments that cancel leave their mean, -2^-(r+1) ulp each. Predictions hold "
    "while the ulp stays; a bf16 number that falls into the next binade has a finer one and slows down."
)
ABOUT_TRAINING = (
    "Master weights rounded in every update, on the int8 machine. Where most updates are far below an ulp, bf16 "
    "weights lose about 2^-(r+1) ulp of their magnitude in every step, whatever the gradient: a weight decay that "
    "nobody asked for. Without normalisation it undoes what stochastic rounding was to gain: the loss rises as r falls "
    "below 8, and 1 bit is no better than nearest. Batch norm divides the size of weights out again, and smaller "
    "weights take larger steps for their size: at rates too low to converge in these epochs few bits even train faster "
    "than fp32, and at the shipped rate the training loss tells, but not the accuracy. Integer codes drift toward "
    "minus infinity instead: the mean of the int16 weights falls, by less in real units, since their last place is "
    "finer, and the loss hardly tells."
)
README = """# {title}

`make random-bits` writes this page and `index.html` (the same with figures; one file, open it in a browser).

{lead}

Fitzgibbon and Felix, "On stochastic rounding with few random bits" (arXiv:2504.20634, 2025), work out the biases of
several ways to round with few bits; the one here adds the bits and truncates, which takes the least hardware.

{sections}

One run of each task, with 1 random bit (`random_bits=2` and so on for the others):

{commands}

What each training came to is kept in `trainings.csv`; its row stands for exactly the command in it. Delete a row (and
`runs/random_bits`) to train it again. Where `note` says so, training loss and mean weight are the mean of the seeds.
"""

if __name__ == "__main__":
    main()
