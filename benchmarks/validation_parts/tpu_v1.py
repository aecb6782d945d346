"""TPU v1: dense and recurrent networks that wait for weights, and one of convolutions that doesn't."""

from __future__ import annotations

from accelsim.hardware import HardwareConfig
from validation_parts.forward import Forward, forward, machine
from validation_parts.networks import CNN0, CNN0_INPUT, DENSE, DenseStack
from validation_parts.rates import peak_tops, shifting, streaming, tops, useful, wait
from validation_parts.rows import PUBLISHED, Row

OTHER = {
    "mlp0": "17.5 % of the chip's time is other work",
    "mlp1": "31.9 % of the chip's time is other work",
    "lstm0": "17.9 % of the chip's time is other work, and 14.6 % of its cycles wait for an earlier result",
    "lstm1": "10.3 % of the chip's time is other work, and 10.6 % of its cycles wait for an earlier result",
}
"""Table 3's counters (recalled) of what isn't modelled: products alone are."""
HALF_RATE = "That is half of the published share: products of 8 by 16 bits, at half rate, would explain it; 8 here."
LSTM1_WIDTH, TILE = 600, 256
"""The paper's own example of a matrix of LSTM1 is 600 x 600 (recalled)."""
CNN0_BATCH, CNN0_PIXELS = 8, 19 * 19


def tpu_v1() -> list[Row]:
    """Peak, five of the six networks, and power."""
    hw = machine("tpu_v1")
    cnn0 = forward(hw, CNN0, CNN0_INPUT, CNN0_BATCH)
    return [
        Row("tpu_v1.peak", "peak", peak_tops(hw), "rows x columns x 2 x clock; the paper rounds."),
        *(row for name, stack in DENSE.items() for row in _dense(hw, name, stack)),
        *_cnn0(cnn0),
        Row(
            "tpu_v1.busy",
            "busy power",
            cnn0.chip_pj / 1e12 / cnn0.seconds,
            "CNN0 here, at the rate above; what the chip ran is not known. Arithmetic and buffers alone: clock, "
            "registers, wires, control, leakage and the interfaces to host and DRAM are not modelled.",
        ),
    ]


def _dense(hw: HardwareConfig, name: str, stack: DenseStack) -> list[Row]:
    run = forward(hw, stack.stack, (1, 1, stack.width), stack.batch)
    title, bound = name.upper(), bound_tops(hw, stack.batch)
    why = (
        f"{stack.layers} square layers of {stack.width} stand in for it. Weight bandwidth binds in both: {stack.batch} "
        f"products a weight byte at 34 GB/s are at most {bound:.1f} TOPS, of which the model reaches "
        f"{100 * tops(run) / bound:.0f} %. {OTHER[name]}.{_padded(bound) if name == 'lstm1' else ''}"
    )
    return [
        Row(f"tpu_v1.{name}.tops", f"{title}, batch {stack.batch}", tops(run), why),
        *_shares(name, run, stack.batch, _reasons(name, run, stack)),
    ]


def _reasons(name: str, run: Forward, stack: DenseStack) -> dict[str, str]:
    shifted, active = (PUBLISHED[f"tpu_v1.{name}.{row}"].value for row in ("shift", "active"))
    half = name.startswith("lstm")
    return {
        "useful": HALF_RATE if half else "",
        "active": f"As above; edge tiles ({stack.width} = {stack.width / TILE:.1f} x {TILE}) stream too."
        + (f" At half rate {2 * streaming(run, stack.batch):.1f}." if half else ""),
        "stall": "What the chip spends on other work is waiting here, as the weights take their time from DRAM anyway.",
        "shift": f"The chip's are {shifted / active:.2f} of its active time; {TILE} cycles a tile are "
        f"{TILE / stack.batch:.2f} of {stack.batch} rows{', at half rate half of that' if half else ''}. So it hides "
        f"little: a tile that comes late can't be shifted in beneath the one before. The model hides {stack.batch} of "
        f"{TILE}.",
    }


def _padded(bound: float) -> str:
    filled = (LSTM1_WIDTH / (TILE * -(-LSTM1_WIDTH // TILE))) ** 2
    return (
        f" Matrices of 600 x 600, the paper's example, fill {100 * filled:.0f} % of their tiles, and of the chip's "
        f"active time 60 % is useful; whole tiles from DRAM would bring the bound to {filled * bound:.1f}."
    )


def _shares(name: str, run: Forward, steps: int, reasons: dict[str, str]) -> list[Row]:
    """What the array does with its time; ``steps``: rows of inputs a tile of weights."""
    title, of_peak = name.upper(), 100 * PUBLISHED[f"tpu_v1.{name}.tops"].value / peak_tops(run.hw)
    return [
        Row(
            f"tpu_v1.{name}.useful",
            f"{title}, useful MACs",
            useful(run),
            f"The table's own TOPS are {of_peak:.1f} % of the peak. {reasons['useful']}".strip(),
        ),
        Row(f"tpu_v1.{name}.active", f"{title}, array streams", streaming(run, steps), reasons["active"]),
        Row(f"tpu_v1.{name}.stall", f"{title}, array waits for weights", wait(run), reasons["stall"]),
        Row(f"tpu_v1.{name}.shift", f"{title}, weights are shifted in", shifting(run, steps), reasons["shift"]),
    ]


def _cnn0(cnn0: Forward) -> list[Row]:
    why = (
        "Shapes are deduced. The published figure is not consistent: 78.2 % of 92 TOPS, which the same table gives "
        f"as useful MACs, are 71.9 TOPS, from which ours is {100 * (tops(cnn0) / 71.9 - 1):+.1f} % off."
    )
    reasons = {
        "useful": "The chip spends 21.8 % on other work, which is left out here.",
        "active": "As above: its tiles of 256 x 256 are full.",
        "stall": f"Of it, {first_tiles(cnn0):.1f} points are waits for the first tile of a layer, as the model fetches "
        "nothing of a layer, not even its weights, before its input is whole. DRAM reads the weights "
        f"{weight_sweeps(cnn0):.1f} times: one half of the accumulators holds 2048 of the 2888 rows, and no order of "
        "the loops keeps a tile of weights for both parts.",
        "shift": "The first tile of each layer, and the way through the array.",
    }
    return [
        Row("tpu_v1.cnn0.tops", f"CNN0, batch {CNN0_BATCH}", tops(cnn0), why),
        *_shares("cnn0", cnn0, CNN0_BATCH * CNN0_PIXELS, reasons),
    ]


def bound_tops(hw: HardwareConfig, macs_per_byte: float) -> float:
    """What DRAM allows, where weights are read once."""
    return 2 * macs_per_byte * (hw.dram.bandwidth_bytes_per_s or 0) / 1e12


def first_tiles(run: Forward) -> float:
    """Percent of the time in which the array waits for the first tile of an operation."""
    return 100 * sum(timing.stalls.first_tile_cycles for _, timing in run.operations) / run.total_cycles


def weight_sweeps(run: Forward) -> float:
    """DRAM bytes read, the images aside, over the bytes of the weights."""
    tensors = run.program.tensors
    images = sum(tensor.bytes for tensor in tensors if tensor.name == "images")
    weights = sum(tensor.bytes for tensor in tensors if tensor.persistent)
    return (sum(timing.dram_read_bytes for _, timing in run.operations) - images) / weights
