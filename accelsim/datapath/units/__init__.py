"""One file a hardware unit: what each opcode computes. Importing this package registers all handlers."""

from accelsim.datapath.units import (
    adamw,
    attention,
    channels,
    clip,
    curves,
    dropout,
    gating,
    hadamard,
    link,
    loss_scale,
    mac_array,
    norm,
    norm_backward,
    output_stage,
    tokens,
    update,
    vector,
)
from accelsim.datapath.units.registry import HANDLERS

__all__ = [
    "HANDLERS",
    "adamw",
    "attention",
    "channels",
    "clip",
    "curves",
    "dropout",
    "gating",
    "hadamard",
    "link",
    "loss_scale",
    "mac_array",
    "norm",
    "norm_backward",
    "output_stage",
    "tokens",
    "update",
    "vector",
]
