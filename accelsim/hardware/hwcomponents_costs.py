"""Energy, area and leakage from the models of hwcomponents, in place of the technology's tables.

hwcomponents (Andrulis et al.; PyPI, MIT licence, Python 3.12 or later) asks the plug-ins that are installed for a model
of a component: here ``Adder`` and ``Multiplier`` by width and ``SRAM`` by size, at the technology's node. Its units are
metres, joules, square metres and watts, and an SRAM's size is in bits. Plug-ins have integer arithmetic; formats that
aren't integers keep the figures of the tables. Models have one figure and no band.
"""

from __future__ import annotations

import importlib
import sys
from functools import cache
from typing import Any

from accelsim.errors import UserError
from accelsim.formats import BlockFormat, Format, IntegerFormat
from accelsim.hardware.technology import WORD_BITS, Bound, Technology, load_technology

_COMPONENTS = {"multiply": "Multiplier", "add": "Adder"}
"""Component by its action; tables are called by action and unit."""
_PJ, _UM2, _MM2, _MW = 1e12, 1e12, 1e6, 1e3


class HwcomponentsCosts:
    """The costs of ``technology``'s node; see ``Costs`` for what the methods mean.

    Raises:
        UserError: no model fits, or one fails; from every method.
    """

    def __init__(self, technology: Technology) -> None:
        self._tables = technology
        self._node_m = float(technology.name.removesuffix("nm")) * 1e-9

    def figure(self, table: str, format_: Format) -> float:
        if (bits := _integer_bits(format_)) is None:
            return self._tables.figure(table, format_)
        action, unit = table.split("_")
        model = self._arithmetic(action, bits)
        return float(model.area) * _UM2 if unit == "um2" else _energy_pj(model, action)

    def basis(self, table: str, format_: Format) -> tuple[str, ...]:
        return self._tables.basis(table, format_) if _integer_bits(format_) is None else ()

    def bounded(self, table: str, format_: Format, bound: Bound) -> float:
        if _integer_bits(format_) is None:
            return self._tables.bounded(table, format_, bound)
        return self.figure(table, format_)

    def sram_pj_per_byte(
        self,
        capacity_bytes: int,
        *,
        write: bool = False,
        bound: Bound = Bound.NOMINAL,
        word_bits: int = WORD_BITS,
    ) -> float:
        return 8 * _energy_pj(self._memory(capacity_bytes, word_bits), "write" if write else "read") / word_bits

    def sram_mm2(self, capacity_bytes: int, word_bits: int = WORD_BITS) -> float:
        return float(self._memory(capacity_bytes, word_bits).area) * _MM2

    def sram_range(self, word_bits: int = WORD_BITS) -> tuple[int, int] | None:
        """None: a model has any capacity."""
        return None

    def leakage_mw(self, multiplier: Format, adder: Format) -> float | None:
        """Of the two, what is integer."""
        widths = (("multiply", _integer_bits(multiplier)), ("add", _integer_bits(adder)))
        found = [self._arithmetic(action, bits).leak_power for action, bits in widths if bits is not None]
        return float(sum(found)) * _MW if found else None

    def sram_leakage_mw(self, capacity_bytes: int, word_bits: int = WORD_BITS) -> float | None:
        return float(self._memory(capacity_bytes, word_bits).leak_power) * _MW

    def _arithmetic(self, action: str, bits: int) -> Any:
        return _model(_COMPONENTS[action], (action,), tech_node=self._node_m, width=bits)

    def _memory(self, capacity_bytes: int, word_bits: int) -> Any:
        words = -(-8 * capacity_bytes // word_bits)
        return _model("SRAM", ("read", "write"), tech_node=self._node_m, size=words * word_bits, width=word_bits)


def hwcomponents_costs(technology: str) -> HwcomponentsCosts:
    """Costs at the node of the technology of this name.

    Raises:
        UserError: hwcomponents isn't installed, or doesn't run on this Python.
    """
    _package()
    return HwcomponentsCosts(load_technology(technology))


def _package() -> Any:
    try:
        return importlib.import_module("hwcomponents")
    except (ImportError, SyntaxError) as error:
        python = ".".join(map(str, sys.version_info[:2]))
        raise UserError(
            "energy.models: hwcomponents can't be imported; it takes Python 3.12 or later (this is "
            f"{python}) and pip install 'accelsim[hwcomponents]'; allowed without it: tables ({error})"
        ) from error


@cache
def _model(component: str, actions: tuple[str, ...], **attributes: float) -> Any:
    """The model that hwcomponents chooses; it may run a tool for seconds."""
    try:
        return _package().get_model(component, attributes, required_actions=list(actions))
    except UserError:
        raise
    except Exception as error:  # whatever a plug-in raises
        asked = ", ".join(f"{name} {value:g}" for name, value in attributes.items())
        raise UserError(f"energy.models: hwcomponents has no {component} ({asked}): {_told(error)}") from error


def _energy_pj(model: Any, action: str) -> float:
    try:
        return float(getattr(model, action)().energy) * _PJ
    except Exception as error:  # whatever a plug-in raises
        raise UserError(f"energy.models: {type(model).__name__} of hwcomponents fails: {_told(error)}") from error


def _told(error: Exception) -> str:
    """The line of a message of many that says what went wrong."""
    lines = [line.strip(" |\t") for line in str(error).splitlines()]
    lines = [line for line in lines if any(letter.isalnum() for letter in line)]
    named = [line for line in lines if "Error:" in line or "Exception:" in line]
    return (named or lines or [type(error).__name__])[-1 if named else 0]


def _integer_bits(format_: Format) -> int | None:
    """Width of an integer format, or of a block format's integer elements; None of others."""
    element = format_.element if isinstance(format_, BlockFormat) else format_
    return element.bits if isinstance(element, IntegerFormat) else None
