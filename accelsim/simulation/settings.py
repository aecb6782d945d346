"""Settings, ``path.to.field=value``: which of the two files each one changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from accelsim.errors import UserError, expect_list, nearest
from accelsim.hardware import HardwareConfig
from accelsim.networks import Topology, Workload
from accelsim.yamlfile import split_setting

_SPOKEN = {"batch": "batch_size"}
"""What ``--set`` calls a field beside its name in the file."""
M = TypeVar("M", HardwareConfig, Workload, Topology)


def sorted_settings(settings: Sequence[str]) -> tuple[list[str], list[str]]:
    """Settings of the hwconfig and of the workload, told apart by their first field.

    Raises:
        UserError: they are no list, neither file has such a field, or both have.
    """
    expect_list("settings", settings, "numerics.activation.format=int4")
    fields = set(HardwareConfig.model_fields), set(Workload.model_fields)
    found: tuple[list[str], list[str]] = ([], [])
    for setting in map(_by_its_name, settings):
        first = split_setting(setting)[0][0]
        owners = [files for files, names in zip(found, fields, strict=True) if first in names]
        if len(owners) == 2:
            raise UserError(f"--set {setting}: both files have a field {first!r}; edit the file instead")
        if not owners:
            allowed = fields[0] ^ fields[1]
            raise UserError(
                f"--set {setting}: neither file has a field {first!r}{nearest(first, allowed)}; "
                f"allowed: {', '.join(sorted(allowed))}"
            )
        owners[0].append(setting)
    return found


def _by_its_name(setting: str) -> str:
    path, *rest = setting.partition("=")
    return "".join([_SPOKEN.get(path.strip(), path), *rest])


def without_settings(given: M, settings: Sequence[str]) -> M:
    """What came as an object, which no setting changes.

    Raises:
        UserError: there are settings.
    """
    if settings:
        raise UserError(
            f"--set {settings[0]}: settings change files; this {type(given).__name__} was given as an object"
        )
    return given
