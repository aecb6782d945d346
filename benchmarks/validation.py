"""The model against published figures of TPU v1, Eyeriss, NVDLA, Gemmini and TPU v4i: writes reports/validation/.

Run ``make validation``; it takes seconds.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from validation_parts.chart import chart
from validation_parts.eyeriss import eyeriss
from validation_parts.forward import ROOT
from validation_parts.gemmini import gemmini
from validation_parts.nvdla import nvdla
from validation_parts.page import deviation, figure, page
from validation_parts.scalesim import match
from validation_parts.tpu_v1 import tpu_v1
from validation_parts.tpu_v4i import tpu_v4i


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "validation")
    arguments = parser.parse_args()
    tables = {
        "TPU v1": tpu_v1(),
        "Eyeriss": eyeriss(),
        "NVDLA, large configuration": nvdla(),
        "Gemmini, default configuration": gemmini(),
        "TPU v4i": tpu_v4i(),
    }
    for title, rows in tables.items():
        for row in rows:
            published = f"{figure(row.published.value)} {row.published.unit}"
            print(f"{title:<32}{row.title:<50}{published:>18}{figure(row.ours):>12}{deviation(row):>12}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "README.md").write_text(page(tables, match()), encoding="utf-8")
    (arguments.out / "deviation.svg").write_text(chart(tables), encoding="utf-8")


if __name__ == "__main__":
    main()
