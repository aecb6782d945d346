"""Operations that figures and tables pick out of ``Result.operations``."""

from __future__ import annotations

import pandas as pd


def on_critical_path(operations: pd.DataFrame) -> pd.DataFrame:
    """Those on the critical path that take time, as the path runs."""
    return operations[operations["path_cycles"] > 0].sort_values(["start_cycle", "index"], kind="stable")


def weight_gradient_products(operations: pd.DataFrame) -> pd.DataFrame:
    """Products of the weight gradient."""
    return operations[(operations["unit"] == "mac_array") & (operations["phase"] == "weight_gradient")]
