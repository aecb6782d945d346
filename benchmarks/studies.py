"""Two studies as examples of `accelsim precision` and `accelsim sweep`: writes reports/studies/.

Run ``make studies``. The page is made from the CSV files beside it; a part that isn't run keeps its file. Fashion-MNIST
is read from where its Debian package puts it, or from ``--data``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
from studies_parts.angles import STUDIES, angles
from studies_parts.design_space import points
from studies_parts.page import page

ROOT = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "studies")
    parser.add_argument("--data", type=Path, help="folder of Fashion-MNIST's files")
    parser.add_argument("--only", choices=("angles", "sweep", "page"), help="run one part alone")
    parser.add_argument("--jobs", type=int, default=0, help="points of the sweep at once; 0 for as many as CPUs")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    kept = {name: arguments.out / f"{name}.csv" for name in ("angles", "sweep")}
    if arguments.only in (None, "angles"):
        angles(STUDIES, arguments.data).to_csv(kept["angles"], index=False, float_format="%.6g")
    if arguments.only in (None, "sweep"):
        points(arguments.jobs).to_csv(kept["sweep"], index=False, float_format="%.8g")
    missing = [path.name for path in kept.values() if not path.exists()]
    if missing:
        raise SystemExit(f"no page yet: {missing[0]} has still to be made")
    tables = {name: pd.read_csv(path) for name, path in kept.items()}
    (arguments.out / "README.md").write_text(page(**tables), encoding="utf-8")


if __name__ == "__main__":
    main()
