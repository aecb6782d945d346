"""Columns of a Result's tables, and which of them hold text."""

from __future__ import annotations

LAYERS = [
    "layer",
    "phase",
    "operation",
    "unit",
    "index",
    "start_cycle",
    "end_cycle",
    "compute_cycles",
    "stall_cycles",
    "wait_cycles",
    "macs",
    "passes",
    "dram_read_bytes",
    "dram_write_bytes",
    "dram_bytes",
    "sram_bytes",
    "energy_pj",
    "energy_mac_pj",
    "energy_lane_pj",
    "energy_sram_pj",
    "energy_dram_pj",
]
METRICS = ["step", "epoch", "learning_rate", "train_loss", "test_accuracy", "test_loss"]
DTYPES = [
    "tensor",
    "role",
    "layer",
    "phase",
    "shape",
    "elements",
    "format",
    "bits",
    "bytes",
    "scale",
    "rounding",
    "lives_in",
    "arithmetic",
]
QUANTISERS = ["tensor", "step", "elements", "saturated", "underflowed", "sqnr_db"]
MODEL_SIZE = ["class", "tensors", "elements", "format", "bytes"]

TABLES = {"layers": LAYERS, "metrics": METRICS, "dtypes": DTYPES, "model_size": MODEL_SIZE, "quantisers": QUANTISERS}
"""Required columns of each table; a table may have more."""

TEXT = frozenset(
    [
        "layer",
        "phase",
        "operation",
        "unit",
        "tensor",
        "role",
        "shape",
        "format",
        "scale",
        "rounding",
        "lives_in",
        "arithmetic",
        "class",
    ]
)
"""Columns read back as text whatever they look like."""

WHOLE = frozenset(
    [
        *LAYERS[LAYERS.index("index") : LAYERS.index("energy_pj")],
        "step",
        "saturated",
        "underflowed",
        "elements",
        "bits",
        "bytes",
        "tensors",
    ]
)
"""Columns of whole numbers: how an empty table is typed."""
