"""The machine of a result that is compared."""

from __future__ import annotations

from pydantic import ValidationError

from accelsim.hardware import HardwareConfig
from accelsim.reports.result import Result


def machine_of(result: Result) -> HardwareConfig | None:
    """None where the run was made when a hwconfig had other fields."""
    try:
        return HardwareConfig.model_validate(result.hwconfig)
    except ValidationError:
        return None
