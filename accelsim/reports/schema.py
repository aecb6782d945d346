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
OPERATIONS = [
    "index",
    "layer",
    "phase",
    "operation",
    "unit",
    "unit_number",
    "start_cycle",
    "end_cycle",
    "compute_cycles",
    "stall_cycles",
    "wait_cycles",
    "slack_cycles",
    "critical",
    "path_cycles",
    "beside_serial_path_cycles",
    "dram_read_bytes",
    "dram_write_bytes",
    "sram_read_bytes",
    "sram_write_bytes",
    "arithmetic_operations",
    "operations_per_dram_byte",
    "operations_per_cycle",
    "limit_operations_per_cycle",
    "share_of_limit",
    "energy_pj",
]
METRICS = ["step", "epoch", "learning_rate", "train_loss", "test_accuracy", "test_loss"]
TRAINING_METRICS = [
    "step",
    "epoch",
    "learning_rate",
    "train_loss",
    "train_accuracy",
    "gradient_norm",
    "weight_norm",
    "test_accuracy",
    "test_loss",
]
"""What a run writes of them; older runs lack some."""
LOSS_SCALE_METRICS = ["loss_scale", "skipped_steps"]
"""What it writes besides on a machine that scales its loss."""
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
SPEED = ["step", "epoch", "samples", "train_s", "samples_per_s"]
MAPPING = [
    "index",
    "layer",
    "phase",
    "operation",
    "products",
    "m",
    "k",
    "n",
    "tile_m",
    "tile_k",
    "tile_n",
    "tiles",
    "outer_axis",
    "folds_per_tile",
    "mapping_efficiency",
]
MODEL_SIZE = ["class", "tensors", "elements", "format", "bytes"]
TRAFFIC = ["phase", "class", "read_bytes", "write_bytes", "energy_pj"]
MEMORIES = [
    "memory",
    "capacity_bytes",
    "banks",
    "word_bits",
    "read_bytes",
    "write_bytes",
    "read_pj_per_byte",
    "write_pj_per_byte",
    "energy_pj",
    "energy_share",
]
ROOFLINE = [
    "phase",
    "macs",
    "arithmetic_operations",
    "dram_bytes",
    "cycles",
    "operations_per_dram_byte",
    "operations_per_cycle",
    "limit_operations_per_cycle",
    "share_of_limit",
    "bound",
]
WHOLE_STEP = "step"
"""Stands for a phase where a row is about all of them."""

TABLES = {
    "layers": LAYERS,
    "operations": OPERATIONS,
    "metrics": METRICS,
    "dtypes": DTYPES,
    "model_size": MODEL_SIZE,
    "quantisers": QUANTISERS,
    "speed": SPEED,
    "mapping": MAPPING,
    "traffic": TRAFFIC,
    "memories": MEMORIES,
    "roofline": ROOFLINE,
}
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
        "outer_axis",
        "memory",
        "bound",
    ]
)
"""Columns read back as text whatever they look like."""

WHOLE = frozenset(
    [
        *LAYERS[LAYERS.index("index") : LAYERS.index("energy_pj")],
        *OPERATIONS[OPERATIONS.index("unit_number") : OPERATIONS.index("arithmetic_operations")],
        "step",
        "saturated",
        "underflowed",
        "elements",
        "samples",
        "bits",
        "bytes",
        "tensors",
        "cycles",
        *MAPPING[MAPPING.index("products") : MAPPING.index("outer_axis")],
        "folds_per_tile",
        *MEMORIES[MEMORIES.index("capacity_bytes") : MEMORIES.index("read_pj_per_byte")],
    ]
)
"""Columns of whole numbers: how an empty table is typed."""
