"""Accuracy, cycles and energy of many numerics settings on the digits: writes reports/numerics/README.md.

Run ``make numerics``. Every row is ``accelsim simulate hwconfigs/HWCONFIG.yaml workloads/digits_cnn.yaml`` with its
``--set`` options, for each seed. What each training came to is kept in reports/numerics/trainings.csv and isn't
trained again, so a stopped table goes on.
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from kept_trainings import RECORDS, ROOT, KeptTraining, Store, record_all, run_all
from rich.progress import track
from seeds import Seeds
from training_records import Records

import accelsim

GRADIENTS = ("layer_gradient_data_path", "layer_gradient_weight_path", "layer_gradient_norm")


def every(field: str, value: str, *roles: str) -> list[str]:
    """The same setting for several roles."""
    return [f"numerics.{role}.{field}={value}" for role in roles]


def every_block(format_: str, operand: str) -> list[str]:
    """A block format for the operands of all products, and multipliers that take its elements."""
    return [f"mac_array.operand={operand}", *(f"numerics.{role}={format_}" for role in SCALED[:4])]


def every_sum(format_: str) -> list[str]:
    """The accumulators of all products."""
    return [
        f"mac_array.accumulators.{product}={format_}" for product in ("forward", "data_gradient", "weight_gradient")
    ]


SCALED = ("weight", "activation", *GRADIENTS)
UPDATE = ("master_weight", "optimizer_state")
MASTER = "numerics.master_weight"
MASTER_16, VELOCITY_32 = f"{MASTER}.format=int16", "numerics.optimizer_state=int32"
CHUNKS = "mac_array.accumulate_chunk=64"
NO_HADAMARD = "numerics.weight_gradient_hadamard=null"
NVFP4_DELAYED = ["numerics.activation.format=nvfp4", *every("scale", "delayed", "activation", *GRADIENTS[:2])]
IN_8_BITS = "{match: [first, last], weight: int8, activation: int8}"
ENDS = f"numerics.layers=[{IN_8_BITS}]"
ENDS_AND_NORMS = f"numerics.layers=[{IN_8_BITS}, {{match: batch_norm*, activation: int8}}]"
LAST_BF16 = f"numerics.layers=[{{match: last, {', '.join(f'{role}: bf16' for role in SCALED[:4])}}}]"
SETTINGS: list[tuple[str, str, list[str]]] = [
    ("the machine as shipped", "int8_range_bn", []),
    ("weights and activations 6 bits", "int8_range_bn", every("format", "int6", "weight", "activation")),
    ("weights and activations 4 bits", "int8_range_bn", every("format", "int4", "weight", "activation")),
    ("weights and activations 3 bits", "int8_range_bn", every("format", "int3", "weight", "activation")),
    ("ternary weights", "int8_range_bn", ["numerics.weight=ternary"]),
    ("binary weights", "int8_range_bn", ["numerics.weight=binary"]),
    ("data-path gradient 6 bits", "int8_range_bn", [f"numerics.{GRADIENTS[0]}.format=int6"]),
    ("data-path gradient 4 bits", "int8_range_bn", [f"numerics.{GRADIENTS[0]}.format=int4"]),
    ("data-path gradient 2 bits", "int8_range_bn", [f"numerics.{GRADIENTS[0]}.format=int2"]),
    ("data-path gradient 4 bits, nearest", "int8_range_bn", ["numerics.layer_gradient_data_path=int4"]),
    ("data-path gradient 8 bits, nearest", "int8_range_bn", ["numerics.layer_gradient_data_path=int8"]),
    ("data-path gradient truncated", "int8_range_bn", [f"numerics.{GRADIENTS[0]}.rounding=truncate"]),
    ("1 random bit", "int8_range_bn", [f"numerics.{GRADIENTS[0]}.random_bits=1"]),
    ("4 random bits", "int8_range_bn", [f"numerics.{GRADIENTS[0]}.random_bits=4"]),
    (
        "no bifurcation: 8 / 8",
        "int8_range_bn",
        [f"numerics.{GRADIENTS[1]}.format=int8", f"numerics.{GRADIENTS[1]}.rounding=stochastic"],
    ),
    (
        "no bifurcation: 16 / 16",
        "int8_range_bn",
        ["numerics.layer_gradient_data_path=int16", "mac_array.accumulators.data_gradient=int48"],
    ),
    (
        "8 / fp32, as the published code",
        "int8_range_bn",
        ["numerics.layer_gradient_weight_path=fp32", "mac_array.accumulators.weight_gradient=fp32"],
    ),
    ("norm gradient 8 bits", "int8_range_bn", ["numerics.layer_gradient_norm=int8"]),
    ("weights scaled per channel", "int8_range_bn", ["numerics.weight.granularity=per_channel"]),
    (
        "activations scaled per sample, averaged",
        "int8_range_bn",
        ["numerics.activation.granularity=per_sample_average"],
    ),
    ("delayed scales (one pass)", "int8_range_bn", every("scale", "delayed", "activation", *GRADIENTS)),
    ("running scales (one pass)", "int8_range_bn", every("scale", "running", "activation", *GRADIENTS)),
    ("power-of-two scales", "int8_range_bn", every("scale_form", "power_of_two", *SCALED)),
    ("fixed-point scales", "int8_range_bn", every("scale_form", "fixed_point", *SCALED)),
    ("weights and activations truncated", "int8_range_bn", every("rounding", "truncate", "weight", "activation")),
    (
        "24-bit accumulators, wrap",
        "int8_range_bn",
        ["mac_array.accumulators.forward=int24", "mac_array.accumulators.data_gradient=int24"],
    ),
    (
        "16-bit accumulators, wrap",
        "int8_range_bn",
        ["mac_array.accumulators.forward=int16", "mac_array.accumulators.data_gradient=int16"],
    ),
    (
        "16-bit accumulators, saturate",
        "int8_range_bn",
        [
            "mac_array.accumulators.forward=int16",
            "mac_array.accumulators.data_gradient=int16",
            "mac_array.overflow=saturate",
        ],
    ),
    ("ordinary batch norm", "int8_range_bn", ["norm_unit.spread=deviation"]),
    ("L1 batch norm", "int8_range_bn", ["norm_unit.spread=l1"]),
    (
        "range batch norm of the published code",
        "int8_range_bn",
        ["norm_unit.chunks=16", "norm_unit.constant=code"],
    ),
    ("bf16 master weights, nearest", "int8_range_bn", ["numerics.master_weight=bf16"]),
    (
        "bf16 master weights, stochastic",
        "int8_range_bn",
        ["numerics.master_weight.format=bf16", "numerics.master_weight.rounding=stochastic"],
    ),
    ("float32", "fp32_same_macs", []),
    ("bfloat16", "bf16", []),
    ("FP8 hybrid, delayed scaling", "fp8_hybrid", []),
    ("MXFP8 E4M3", "mxfp8", []),
    ("MXINT8", "mxfp8", [f"numerics.{role}=mxint8" for role in SCALED[:4]]),
    ("MXFP6 E2M3", "mxfp8", [f"numerics.{role}=mxfp6_e2m3" for role in SCALED[:4]]),
    ("MXFP4", "mxfp8", [f"numerics.{role}=mxfp4" for role in SCALED[:4]]),
    ("Flexpoint 16+5", "flexpoint", []),
    (
        "activations uint8 with a zero point",
        "int8_range_bn",
        ["numerics.activation.format=uint8", "numerics.activation.affine=true"],
    ),
    (
        "activations uint4 with a zero point, weights 8 bits",
        "int8_range_bn",
        ["numerics.activation.format=uint4", "numerics.activation.affine=true"],
    ),
    ("activations 4 bits, weights 8 bits", "int8_range_bn", ["numerics.activation.format=int4"]),
    ("int8 in blocks of 32", "mxfp8", every_block("int8_b32", "int8")),
    ("int4 in blocks of 32", "mxfp8", every_block("int4_b32", "int8")),
    ("FP8 hybrid, bf16 accumulators", "fp8_hybrid", every_sum("bf16")),
    ("FP8 hybrid, bf16 accumulators in chunks of 64", "fp8_hybrid", [*every_sum("bf16"), CHUNKS]),
    ("FP8 hybrid, 1-6-9 accumulators", "fp8_hybrid", every_sum("fp16_e6m9")),
    ("FP8 hybrid, 1-6-9 accumulators in chunks of 64", "fp8_hybrid", [*every_sum("fp16_e6m9"), CHUNKS]),
    ("int16 update, nearest", "int8_range_bn", every("format", "int16", *UPDATE)),
    (
        "int16 update, stochastic",
        "int8_range_bn",
        [*every("format", "int16", *UPDATE), *every("rounding", "stochastic", *UPDATE)],
    ),
    ("int16 master weights, int32 velocity", "int8_range_bn", [MASTER_16, VELOCITY_32]),
    (
        "int16 master weights, stochastic, 1 random bit",
        "int8_range_bn",
        [MASTER_16, *every("rounding", "stochastic", *UPDATE[:1]), f"{MASTER}.random_bits=1", VELOCITY_32],
    ),
    ("NVFP4", "nvfp4", []),
    ("NVFP4, no Hadamard transform", "nvfp4", [NO_HADAMARD]),
    ("NVFP4, no Hadamard transform, weights in rows", "nvfp4", [NO_HADAMARD, "numerics.weight=nvfp4"]),
    ("NVFP4, no Hadamard transform, delayed scales (one pass)", "nvfp4", [NO_HADAMARD, *NVFP4_DELAYED]),
    ("batches in 4 parts", "int8_range_bn", ["micro_batches=4"]),
    (
        "weights and activations 4 bits, 8 in the first and last layer",
        "int8_range_bn",
        [*every("format", "int4", "weight", "activation"), ENDS],
    ),
    ("weights and activations 2 bits", "int8_range_bn", every("format", "int2", "weight", "activation")),
    (
        "weights and activations 2 bits, 8 in the first and last layer",
        "int8_range_bn",
        [*every("format", "int2", "weight", "activation"), ENDS],
    ),
    (
        "weights and activations 2 bits, 8 in the first and last layer and activations of norms",
        "int8_range_bn",
        [*every("format", "int2", "weight", "activation"), ENDS_AND_NORMS],
    ),
    ("4-bit multipliers, 8 bits in the first and last layer", "int4_first_last_int8", []),
    ("4-bit multipliers, 4 bits in all layers", "int4_first_last_int8", ["numerics.layers=[]"]),
    ("NVFP4, last layer bfloat16", "nvfp4", [LAST_BF16]),
]
"""Name, hwconfig, and what is set."""


WORKLOAD, EPOCHS = "digits_cnn", 12
REPORT = ROOT / "reports" / "numerics"


def training(row: int, seed: int, store: Store) -> KeptTraining:
    """A row with one seed."""
    name, hwconfig, settings = SETTINGS[row]
    options = "".join(f" --set {shlex.quote(setting)}" for setting in settings)
    command = f"accelsim simulate hwconfigs/{hwconfig}.yaml workloads/{WORKLOAD}.yaml{options} --seed {seed}"
    labels = {"workload": WORKLOAD, "epochs": EPOCHS, "setting": name, "seed": seed}
    return KeptTraining(command, f"{row:02d}-seed{seed}", labels, store)


def files(hwconfig: str) -> tuple[Path, Path]:
    """The hwconfig and the workload of a row."""
    return ROOT / "hwconfigs" / f"{hwconfig}.yaml", ROOT / "workloads" / f"{WORKLOAD}.yaml"


def line(name: str, hwconfig: str, settings: list[str], seeds: Seeds) -> str:
    """One row of the table: what trainings reached, and what a step costs as the timing model stands now."""
    first = accelsim.simulate(*files(hwconfig), settings=settings, timing_only=True).summary
    options = " ".join(f"`{setting}`" for setting in settings) or "-"
    return (
        f"| {name} | {seeds.accuracy:.2f} | {seeds.spread:.2f} | {first['total_cycles'] / 1e3:.1f} "
        f"| {first['energy_per_step_pj'] / 1e6:.0f} | {first['model_size_bytes']} | {hwconfig} | {options} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "numerics")
    parser.add_argument("--kept", type=Path, default=REPORT, help=f"folder of {RECORDS}")
    parser.add_argument("--out", type=Path, default=REPORT / "README.md")
    arguments = parser.parse_args()
    store = Store(arguments.runs, Records(arguments.kept / RECORDS))
    seeds = range(1, arguments.seeds + 1)
    trainings = [[training(row, seed, store) for seed in seeds] for row in range(len(SETTINGS))]
    every = [one for row in trainings for one in row]
    run_all(every)
    record_all(every)
    rows = [line(*setting, Seeds.of(row)) for setting, row in zip(track(SETTINGS, "Costs"), trainings, strict=True)]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(HEAD.format(seeds=arguments.seeds) + "\n".join(rows) + "\n", encoding="utf-8")


HEAD = """# Numerics settings on the digits

`make numerics` writes this table. Each row is `accelsim simulate hwconfigs/HWCONFIG.yaml workloads/digits_cnn.yaml`
with the options shown as `--set OPTION`, for seeds 1 to {seeds}: mean test accuracy in percent (360 images, one is 0.28
points; a run that diverged counts as 0), its spread over the seeds, and thousands of cycles, energy in uJ and bytes of
the stored model on that machine. Energy of formats without published figures is a power law through those that have
one. Nothing is validated against silicon.

What each training came to is kept in `trainings.csv`; its row stands for exactly the command in it, and what a step
costs is worked out anew each time. Delete a row (and `runs/numerics`) to train it again.

The digits are easy: they tell what breaks (16-bit accumulators that wrap), what costs nothing, and what cycles and
energy a choice saves, not how it would rank on a hard data set.

| setting | accuracy | spread | kcycles / step | uJ / step | model bytes | hwconfig | options |
|---|---|---|---|---|---|---|---|
"""

if __name__ == "__main__":
    main()
