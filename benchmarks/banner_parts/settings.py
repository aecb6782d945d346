"""The trainings of the evaluation: what each takes away from the 8-bit machine, as options of ``accelsim simulate``."""

from __future__ import annotations

from dataclasses import dataclass

DATA_PATH = "numerics.layer_gradient_data_path"
WEIGHT_PATH = "numerics.layer_gradient_weight_path"
INT8, FP32 = "int8_range_bn", "fp32"
BATCH = 64
SHARED = (f"batch_size={BATCH}",)
"""Options of every training of a ResNet-20."""


@dataclass(frozen=True)
class Setting:
    """One row of the table; ``key`` names its run folders."""

    key: str
    name: str
    options: tuple[str, ...] = ()
    hwconfig: str = INT8

    def command(self, workload: str, epochs: int, seed: int, shared: tuple[str, ...] = ()) -> str:
        """The training as a command line; ``shared`` are options of every row."""
        options = "".join(f" --set {option}" for option in (*shared, *self.options))
        return (
            f"accelsim simulate hwconfigs/{self.hwconfig}.yaml workloads/{workload}.yaml"
            f" --epochs {epochs} --seed {seed}{options}"
        )


def _data_path(bits: int) -> Setting:
    return Setting(f"data_path_{bits}", f"data-path gradient {bits} bits", (f"{DATA_PATH}.format=int{bits}",))


def _one_copy(bits: int) -> Setting:
    """One stochastically rounded gradient for both products, as where nothing is bifurcated."""
    options = (
        f"{DATA_PATH}.format=int{bits}",
        f"{WEIGHT_PATH}.format=int{bits}",
        f"{WEIGHT_PATH}.rounding=stochastic",
    )
    return Setting(f"one_copy_{bits}", f"no bifurcation, gradient {bits} bits", options)


MAIN = (
    Setting("fp32", "float32, batch norm", hwconfig=FP32),
    Setting("int8", "8 bits, range batch norm: the machine as shipped"),
    Setting(
        "int8_code",
        "8 bits, range batch norm of the published code",
        ("norm_unit.constant=code", "norm_unit.chunks=16"),
    ),
    Setting("int8_batch_norm", "8 bits, ordinary batch norm", ("norm_unit.spread=deviation",)),
    _one_copy(8),
    Setting("nearest", "no stochastic rounding", (f"{DATA_PATH}.rounding=nearest_even",)),
    _data_path(6),
    _data_path(4),
    _data_path(2),
    Setting("4_bits", "weights and activations 4 bits", ("numerics.weight=int4", "numerics.activation=int4")),
    Setting("ternary", "ternary weights", ("numerics.weight=ternary",)),
    Setting("binary", "binary weights", ("numerics.weight=binary",)),
)
"""What the paper's claims stand on."""

FURTHER = (
    _one_copy(6),
    _one_copy(4),
    _one_copy(2),
    Setting(
        "neither",
        "neither bifurcation nor stochastic rounding",
        (f"{DATA_PATH}.rounding=nearest_even", f"{WEIGHT_PATH}.format=int8"),
    ),
    Setting("fp32_range", "float32, range batch norm", ("norm_unit.spread=range",), FP32),
)
"""What tells which part of the recipe carries how much."""

SETTINGS = (*MAIN, *FURTHER)
LONG = tuple(setting for setting in MAIN if setting.key in ("fp32", "int8"))
"""What is trained longer."""
