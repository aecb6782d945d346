"""The command line: commands, progress bars, exit codes, and nothing else."""

from accelsim.cli.app import main

__all__ = ["main"]
