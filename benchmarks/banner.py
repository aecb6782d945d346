"""The evaluation of Banner et al. 2018 at a size that runs here: writes reports/banner/.

Run ``make reports``. It says first what is to be done and how long that takes. What each training came to is kept in
reports/banner/trainings.csv and isn't trained again; a stopped one goes on from its last checkpoint in runs/banner, so
the command can be stopped and given again.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

from banner_parts import deep, figures, texts
from banner_parts.costs import Cost, costs, step_cost
from banner_parts.loss_curves import LOSSES, Curves, kept_curves
from banner_parts.results import Result, results
from banner_parts.settings import LONG, SETTINGS, SHARED, Setting
from banner_parts.tables import accuracy_table, cost_table
from banner_parts.trainings import Training, expected_seconds
from kept_trainings import RECORDS, ROOT, Store, record_all, run_all
from report_page import Figure, Table, page
from training_records import Records

from accelsim.simulation.assemble import versions

WIDTH = 120
TITLE = "8-bit training of ResNets: accuracy, size, speed and energy"
FASHION, CIFAR = "fashion_mnist_resnet20", "cifar10_resnet20"
WITHIN_POINTS = 0.5
REPORT = ROOT / "reports" / "banner"


@dataclass(frozen=True)
class Plan:
    """Every training of the report, by the table that it is for."""

    short: list[Training]
    long: list[Training]
    deep: list[Training]
    cifar: list[Training]

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> Plan:
        """Seeds come first, so that a stopped report has whole columns."""
        store = Store(arguments.runs, Records(arguments.kept / RECORDS))

        def rows(settings: Sequence[Setting], workload: str, epochs: int) -> list[Training]:
            return [Training(s, workload, epochs, seed, store, SHARED) for seed in seeds for s in settings]

        seeds = range(1, arguments.seeds + 1)
        return cls(
            short=rows(SETTINGS, FASHION, arguments.epochs),
            long=rows(LONG, FASHION, arguments.long_epochs),
            deep=deep.trainings(store),
            cifar=rows(SETTINGS, CIFAR, arguments.epochs) if arguments.cifar10 else [],
        )


def main() -> None:
    arguments = parsed()
    plan = Plan.of(arguments)
    here = [*plan.short, *plan.long, *plan.deep]
    every = [*here, *plan.cifar]
    if not arguments.tables_only:
        announce(every, arguments.jobs)
        run_all([training.kept for training in here], arguments.jobs)
        run_all([training.kept for training in plan.cifar], arguments.jobs, arguments.cifar10)
    record_all([training.kept for training in every])
    curves = kept_curves(arguments.kept / LOSSES, [training for training in every if training.seed == 1])
    write(arguments.out, plan, curves)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=1, help="of every setting")
    parser.add_argument("--long-epochs", type=int, default=8, help="of float32 against 8 bits")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="trainings at a time, one thread each")
    parser.add_argument("--cifar10", type=Path, help="folder of CIFAR-10's binary version, to train on that too")
    parser.add_argument("--tables-only", action="store_true", help="write the report of what is finished")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "banner")
    parser.add_argument("--kept", type=Path, default=REPORT, help=f"folder of {RECORDS} and {LOSSES}")
    parser.add_argument("--out", type=Path, default=REPORT)
    return parser.parse_args()


def announce(trainings: Sequence[Training], jobs: int) -> None:
    """Say what is left to do before it starts."""
    pending = [training for training in trainings if training.facts() is None]
    minutes = sum(map(expected_seconds, pending)) / 60 / jobs
    print(
        f"{len(pending)} of {len(trainings)} trainings to do, {jobs} at a time: about {minutes:.0f} minutes on cores "
        "as fast as half of a Zen 4 core at 4 GHz. Stop at any time; the same command goes on."
    )


def write(out: Path, plan: Plan, curves: Curves) -> None:
    """Both pages of the report, of what is finished."""
    short, long, deeper, on_cifar = (results(each) for each in (plan.short, plan.long, plan.deep, plan.cifar))
    compared = costs()
    sections = [
        ("Fashion-MNIST, ResNet-20: float32 against 8 bits", texts.ABOUT_LONG, long),
        ("Fashion-MNIST, ResNet-20: every setting", texts.ABOUT_SHORT, short),
        ("CIFAR-10, ResNet-20: every setting", texts.ABOUT_CIFAR, on_cifar),
        ("Fashion-MNIST, ResNet-110: Flexpoint", texts.ABOUT_DEEP, deeper),
    ]
    tables = [
        accuracy_table(f"{title}, {epochs_of(found)}", about, found, step_costs(found))
        for title, about, found in sections
        if found
    ]
    tables.append(cost_table("What a training step costs", texts.ABOUT_COSTS, compared))
    lead = f"{texts.LEAD} {verdict(long)}"
    commands = [found[0].trainings[0].command for _, _, found in sections if found]
    panels = drawn(short, long, deeper, compared, curves)
    html = page(TITLE, lead, panels, tables, versions(), findings=texts.FINDINGS, commands=commands)
    out.mkdir(parents=True, exist_ok=True)
    (out / "index.html").write_text(html, encoding="utf-8")
    (out / "README.md").write_text(readme(lead, tables, commands), encoding="utf-8")


def step_costs(found: Sequence[Result]) -> dict[str, Cost]:
    """A training step of each setting, by its key."""
    return {r.setting.key: step_cost(r.trainings[0].workload, r.setting, r.trainings[0].shared) for r in found}


def verdict(found: Sequence[Result]) -> str:
    """How 8 bits compare with float32, from the figures themselves."""
    by_key = {result.setting.key: result for result in found}
    if not {"fp32", "int8"} <= by_key.keys():
        return "The float32 or the 8-bit training is not finished, so the two aren't compared."
    ours, reference = by_key["int8"], by_key["fp32"]
    off = ours.accuracy - reference.accuracy
    within = "within" if abs(off) <= WITHIN_POINTS else "not within"
    return (
        f"8 bits with range batch norm reach {ours.accuracy:.2f} % (seeds: {ours.count}), float32 "
        f"{reference.accuracy:.2f} % (seeds: {reference.count}): {off:+.2f} points, {within} half a point."
    )


def drawn(
    short: Sequence[Result],
    long: Sequence[Result],
    deeper: Sequence[Result],
    compared: Sequence[Cost],
    curves: Curves,
) -> list[Figure]:
    """Every figure of the page."""
    by_key = {result.setting.key: result for result in short}
    reference = by_key.get("fp32")
    # 8 bits on the data path are the machine as shipped.
    kinds = {"bifurcated: 16 bits for the weights": "data_path_{}", "one copy for both": "one_copy_{}"}
    copies = [
        (name, [(bits, r) for bits in (2, 4, 6, 8) if (r := by_key.get(keyed(key, bits)))])
        for name, key in kinds.items()
    ]
    panels = []
    if short:
        accuracy, bits, loss = (
            about.format(epochs=epochs_of(short))
            for about in (texts.ABOUT_ACCURACY, texts.ABOUT_BITS, texts.ABOUT_LOSS)
        )
        panels += [
            Figure("accuracy", "Accuracy by setting", accuracy, figures.accuracies(short, reference)),
            Figure("bits", "Bits of the gradient", bits, figures.gradient_bits(copies, reference), wide=False),
            Figure("loss", "Training loss, first seed", loss, figures.losses(chosen(by_key), curves), wide=False),
        ]
    panels.append(Figure("machines", "Size, memory, time and energy", texts.ABOUT_MACHINES, figures.machines(compared)))
    if long:
        about = texts.ABOUT_LONG_LOSS.format(epochs=epochs_of(long))
        panels.append(Figure("long", "Training loss, longer", about, figures.losses(long, curves), wide=False))
    if deeper:
        about = texts.ABOUT_DEEP_LOSS.format(epochs=epochs_of(deeper))
        panels.append(Figure("deep", "Training loss, ResNet-110", about, figures.losses(deeper, curves), wide=False))
    return panels


def epochs_of(found: Sequence[Result]) -> str:
    """How long these were trained: ``1 epoch``, ``4 epochs``."""
    epochs = found[0].trainings[0].epochs
    return f"{epochs} epoch{'s' if epochs != 1 else ''}"


def keyed(key: str, bits: int) -> str:
    return "int8" if (key, bits) == ("data_path_{}", 8) else key.format(bits)


def chosen(by_key: dict[str, Result]) -> list[Result]:
    """Settings whose losses are told apart in one figure."""
    keys = ("fp32", "int8", "data_path_4", "data_path_2", "one_copy_8", "4_bits", "ternary", "binary")
    return [by_key[key] for key in keys if key in by_key]


def readme(lead: str, tables: Sequence[Table], commands: Sequence[str]) -> str:
    sections = "\n\n".join(
        f"## {each.title}\n\n{fill(each.about, WIDTH, break_on_hyphens=False)}\n\n{each.markdown()}" for each in tables
    )
    lead = fill(lead, WIDTH, break_on_hyphens=False)
    listed = "\n".join(f"    {command}" for command in commands)
    return texts.README.format(title=TITLE, lead=lead, findings=texts.FINDINGS, sections=sections, commands=listed)


if __name__ == "__main__":
    main()
