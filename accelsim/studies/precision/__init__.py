"""How many bits each tensor of a network needs while it trains, and why: angles between tensors and their codes."""

from accelsim.studies.precision.run import precision

__all__ = ["precision"]
