"""Results: tables, run folders, HTML pages, comparisons."""

from accelsim.reports.compare import compare_page, comparison, comparison_table
from accelsim.reports.page import run_page
from accelsim.reports.result import Result
from accelsim.reports.run_folder import load, save
from accelsim.reports.terminal import dtype_table, phase_table, summary_table

__all__ = [
    "Result",
    "compare_page",
    "comparison",
    "comparison_table",
    "dtype_table",
    "load",
    "phase_table",
    "run_page",
    "save",
    "summary_table",
]
