"""SCALE-Sim's configuration files (versions 2 and 3) as hwconfigs.

SCALE-Sim counts words, whatever they hold. Here a word is one int8 operand, or one int32 accumulator: the output
buffer and the bandwidth of results get four bytes a word. SCALE-Sim moves three operands over three links of their own;
the one DRAM channel here has the sum of the three.
"""

from __future__ import annotations

import configparser
import re
from pathlib import Path

from accelsim.errors import UserError, nearest
from accelsim.hardware import Dataflow
from accelsim.yamlfile.text import read_text

ARRAY, LAYOUT, RUN = "architecture_presets", "layout", "run_presets"
MOST_SIDE, MOST_KIB, MOST_WORDS = 65536, 1 << 28, 1 << 20
CLOCK_MHZ = 1000
ACCUMULATOR_BYTES = 4
LARGEST_BANDWIDTH_BYTES_PER_S = 10**16
"""The most that a hwconfig allows: CALC mode never waits for DRAM."""


def import_scalesim_config(path: Path) -> str:
    """The text of a hwconfig file; what has no counterpart stands in a comment.

    Raises:
        UserError: the file can't be read, or a field is missing or wrong; the message names line and field.
    """
    cfg = _Cfg(path)
    rows, columns = (cfg.number(ARRAY, side, MOST_SIDE) for side in ("ArrayHeight", "ArrayWidth"))
    buffers = [cfg.number(ARRAY, f"{side}SramSzkB", MOST_KIB) for side in ("Ifmap", "Filter", "Ofmap")]
    dataflow = cfg.choice(ARRAY, "Dataflow", [str(name) for name in Dataflow])
    bandwidth, origin = _bandwidth(cfg)
    name = _plain(cfg.get("general", "run_name") or path.stem)[:100]
    return TEMPLATE.format(
        source=_plain(path.name),
        leftovers="".join(f"#   {line}\n" for line in cfg.unused()) or "#   (nothing)\n",
        name=name,
        clock_mhz=CLOCK_MHZ,
        rows=rows,
        columns=columns,
        side=max(rows, columns),
        dataflow=dataflow,
        input_kib=buffers[0],
        weight_kib=buffers[1],
        output_kib=buffers[2] * ACCUMULATOR_BYTES,
        output_port=columns * ACCUMULATOR_BYTES,
        bandwidth=bandwidth,
        origin=origin,
    )


def _plain(text: str) -> str:
    return re.sub(r"[^\w.-]+", "_", text)


def _bandwidth(cfg: _Cfg) -> tuple[int, str]:
    """Bytes per second of the DRAM channel, and where they come from."""
    if cfg.choice(RUN, "InterfaceBandwidth", ["CALC", "USER"], default="CALC") == "CALC":
        return LARGEST_BANDWIDTH_BYTES_PER_S, "CALC: without stalls, so the most that a hwconfig allows"
    ofmap = cfg.number(ARRAY, "Bandwidth", MOST_WORDS, first=True)
    ifmap, filters = (
        cfg.number(LAYOUT, f"{side}SRAMBankBandwidth", MOST_WORDS) if cfg.has(LAYOUT) else ofmap
        for side in ("Ifmap", "Filter")
    )
    per_cycle = ifmap + filters + ofmap * ACCUMULATOR_BYTES
    words = f"USER: {ifmap} + {filters} words of 1 byte and {ofmap} words of {ACCUMULATOR_BYTES} bytes a cycle"
    return per_cycle * CLOCK_MHZ * 10**6, words


class _Cfg:
    """A cfg file that remembers what was asked of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = read_text(path)
        self.parser = configparser.ConfigParser(interpolation=None)
        self.asked: set[tuple[str, str]] = set()
        try:
            self.parser.read_string(self.text, str(path))
        except configparser.Error as error:
            line = getattr(error, "lineno", None) or next((at for at, _ in getattr(error, "errors", [])), 1)
            first = str(error.message).splitlines()[0]
            raise UserError(f"{path}:{line}:1: not a SCALE-Sim cfg: {first}") from error

    def has(self, section: str) -> bool:
        return self.parser.has_section(section)

    def get(self, section: str, option: str) -> str:
        """The value without the spaces around it; empty where there is none."""
        self.asked.add((section, option.lower()))
        return self.parser.get(section, option, fallback="").strip()

    def choice(self, section: str, option: str, allowed: list[str], default: str = "") -> str:
        found = self.get(section, option) or default
        fitting = {word.lower(): word for word in allowed}
        if found.lower() not in fitting:
            raise self._error(section, option, found, ", ".join(allowed) + nearest(found, allowed))
        return fitting[found.lower()]

    def number(self, section: str, option: str, most: int, *, first: bool = False) -> int:
        """A whole number from 1 to ``most``, or with ``first`` the first of a list of them."""
        found = self.get(section, option)
        number = found.split(",")[0].strip() if first else found
        if number.isdecimal() and len(number) < 20 and 1 <= int(number) <= most:
            return int(number)
        raise self._error(section, option, found, f"a whole number from 1 to {most}")

    def unused(self) -> list[str]:
        """``[section] option: value`` of all that nobody asked for."""
        return [
            f"[{section}] {option}: {' '.join(value.split())}"
            for section in self.parser.sections()
            for option, value in self.parser.items(section)
            if (section, option) not in self.asked
        ]

    def _error(self, section: str, option: str, found: str, allowed: str) -> UserError:
        what = f"found {found!r}" if found else "missing"
        line = self._line(rf"{option}\s*[:=]") or self._line(rf"\[{section}\]") or 1
        return UserError(f"{self.path}:{line}:1: [{section}] {option}: {what}; allowed: {allowed}")

    def _line(self, pattern: str) -> int:
        match = re.search(rf"^\s*{pattern}", self.text, re.IGNORECASE | re.MULTILINE)
        return self.text.count("\n", 0, match.end()) + 1 if match else 0


TEMPLATE = """\
# From SCALE-Sim's {source}, by `accelsim import scalesim`: array, dataflow, SRAM sizes and bandwidth.
# SCALE-Sim has no clock, formats, energy, or units besides the array: those figures are accelsim's own choice.
# A word of SCALE-Sim is one byte, or four where it is an accumulator.
# In the cfg, without a counterpart here:
{leftovers}name: "{name}"
description: Imported from the SCALE-Sim configuration {source}.
clock_mhz: {clock_mhz} MHz
technology: 45nm

mac_array:
  rows: {rows}                  # ArrayHeight
  columns: {columns}               # ArrayWidth
  operand: int8
  dataflow: {dataflow}
  edge_folds: full          # every fold takes the whole array's time
  fold_overlap: serial      # a fold starts when the one before has drained

vector_unit: {{lanes: {columns}}}
norm_unit: {{lanes: {columns}, spread: range}}
quantise_unit: {{lanes: {columns}}}
update_unit: {{lanes: {columns}}}

# Ports as wide as the array's edges, since SCALE-Sim's never hold it up.
buffers:
  input: {{capacity_bytes: {input_kib} KiB, bytes_per_cycle: {side}}}     # IfmapSramSzkB
  weight: {{capacity_bytes: {weight_kib} KiB, bytes_per_cycle: {side}}}    # FilterSramSzkB
  output: {{capacity_bytes: {output_kib} KiB, bytes_per_cycle: {output_port}}}    # OfmapSramSzkB, times 4

dram:
  model: bandwidth
  bandwidth_bytes_per_s: {bandwidth}    # {origin}
  latency_ns: 0
  energy_pj_per_bit: 20.3   # 1300 pJ per 64 bits, Horowitz ISSCC 2014, recalled

numerics:
  weight: int8
  activation: int8
  layer_gradient_data_path: {{format: int8, rounding: stochastic}}
  layer_gradient_weight_path: int16
  layer_gradient_norm: int16
  weight_gradient: fp32
  bias: int32
  norm_parameter: int16
"""
