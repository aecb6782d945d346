"""Training: data sets, initial state, the loop, checkpoints."""

from accelsim.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from accelsim.training.loop import Trainer, Training
from accelsim.training.state import initial_state

__all__ = ["Checkpoint", "Trainer", "Training", "initial_state", "load_checkpoint", "save_checkpoint"]
