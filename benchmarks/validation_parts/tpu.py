"""TPU v1 and TPU v4i."""

from __future__ import annotations

from accelsim.energy import area_um2
from accelsim.hardware import HardwareConfig
from validation_parts.forward import Forward, forward, machine
from validation_parts.networks import CNN0, CNN0_INPUT, MLP0
from validation_parts.rows import Row

BATCH = {"mlp0": 200, "cnn0": 8}


def tpu_v1() -> list[Row]:
    """Peak, the dense network that waits for weights, and the convolutions that don't."""
    hw = machine("tpu_v1")
    mlp0 = forward(hw, MLP0, (1, 1, 2000), BATCH["mlp0"])
    cnn0 = forward(hw, CNN0, CNN0_INPUT, BATCH["cnn0"])
    return [
        Row("tpu_v1.peak", "peak", peak_tops(hw), "rows x columns x 2 x clock; the paper rounds."),
        Row(
            "tpu_v1.mlp0.tops",
            "MLP0, batch 200",
            tops(mlp0),
            "Weight bandwidth binds in both: 200 products a weight byte at 34 GB/s are at most "
            f"{bound_tops(hw, 200):.1f} TOPS. Products alone are modelled; the chip spends 17.5 % of its time on other "
            "work. Widths of 2000 are assumed.",
        ),
        Row("tpu_v1.mlp0.useful", "MLP0, useful MACs", useful(mlp0), "The same figure against the peak."),
        Row(
            "tpu_v1.mlp0.active",
            "MLP0, array streams",
            streaming(mlp0, BATCH["mlp0"]),
            "As above; edge tiles (2000 = 7.8 x 256) stream too.",
        ),
        Row(
            "tpu_v1.mlp0.weight_wait",
            "MLP0, array waits for weights or shifts them in",
            100 - streaming(mlp0, BATCH["mlp0"]),
            "All the rest of the time here; the chip counts 17.5 % apart, as other work.",
        ),
        Row(
            "tpu_v1.cnn0.tops",
            "CNN0, batch 8",
            tops(cnn0),
            "Shapes are deduced. The published figure is not consistent: 78.2 % of 92 TOPS, which the same table gives "
            f"as useful MACs, are 71.9 TOPS, from which ours is {100 * (tops(cnn0) / 71.9 - 1):+.1f} % off. It streams "
            f"{streaming(cnn0, 2888):.1f} % of the time and waits {wait(cnn0):.1f} %.",
        ),
        Row(
            "tpu_v1.cnn0.useful",
            "CNN0, useful MACs",
            useful(cnn0),
            "The chip spends 21.8 % on other work, which is left out here; the model waits for DRAM instead.",
        ),
        Row(
            "tpu_v1.cnn0.weight_wait",
            "CNN0, array waits for DRAM",
            wait(cnn0),
            f"Of it, {first_tiles(cnn0):.1f} points are waits for the first tile of a layer, as the model fetches "
            "nothing of a layer, not even its weights, before its input is whole. DRAM reads the weights "
            f"{weight_sweeps(cnn0):.1f} times: one half of the accumulators holds 2048 of the 2888 rows, and no order "
            "of the loops keeps a tile of weights for both parts.",
        ),
    ]


def tpu_v4i() -> list[Row]:
    """Peak and area of the arrays: no network's rate was found."""
    hw = machine("tpu_v4i")
    area, operand, technology = area_um2(hw)["mac_array"], hw.mac_array.operand_format, hw.loaded_technology()
    multiplier = technology.figure("multiply_um2", operand)
    return [
        Row("tpu_v4i.peak", "peak", peak_tops(hw), "4 x 128 x 128 x 2 x 1.05 GHz; the paper rounds."),
        Row(
            "tpu_v4i.mac_um2",
            "area of a multiply-accumulate",
            area / hw.mac_array.places,
            f"A bf16 multiplier ({multiplier:.0f}) and an fp32 adder, without registers and wires, and still larger "
            "than the estimate: the 45 nm areas of floating-point units, scaled to 7 nm, are not to be trusted.",
        ),
    ]


def peak_tops(hw: HardwareConfig) -> float:
    return 2 * hw.mac_array.macs_per_cycle * hw.clock_mhz / 1e6


def bound_tops(hw: HardwareConfig, macs_per_byte: float) -> float:
    """What DRAM allows, where weights are read once."""
    return 2 * macs_per_byte * (hw.dram.bandwidth_bytes_per_s or 0) / 1e12


def tops(run: Forward) -> float:
    return 2 * run.macs / run.seconds / 1e12


def useful(run: Forward) -> float:
    """Percent of the peak."""
    return 100 * run.macs / (run.total_cycles * run.hw.mac_array.macs_per_cycle)


def streaming(run: Forward, steps: int) -> float:
    """Percent of the time in which rows of inputs enter the array: ``steps`` a tile of weights."""
    array = run.hw.mac_array
    gemms = [gemm for operation, _ in run.operations for gemm in operation.gemms]
    tiles = sum(gemm.count * -(-gemm.k // array.rows) * -(-gemm.n // array.columns) for gemm in gemms)
    return 100 * tiles * steps / run.total_cycles


def wait(run: Forward) -> float:
    """Percent of the time in which the array is held up by DRAM or buffers."""
    return 100 * run.stall_cycles / run.total_cycles


def first_tiles(run: Forward) -> float:
    """Percent of the time in which the array waits for the first tile of an operation."""
    return 100 * sum(timing.stalls.first_tile_cycles for _, timing in run.operations) / run.total_cycles


def weight_sweeps(run: Forward) -> float:
    """DRAM bytes read, the images aside, over the bytes of the weights."""
    tensors = run.program.tensors
    images = sum(tensor.bytes for tensor in tensors if tensor.name == "images")
    weights = sum(tensor.bytes for tensor in tensors if tensor.persistent)
    return (sum(timing.dram_read_bytes for _, timing in run.operations) - images) / weights
