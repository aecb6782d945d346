"""Comparison of runs: a DataFrame, a table for the terminal, a page."""

from accelsim.reports.compare.frame import comparison
from accelsim.reports.compare.notes import comparison_notes
from accelsim.reports.compare.page import compare_page
from accelsim.reports.compare.table import comparison_table
from accelsim.reports.compare.warnings import comparison_warnings

__all__ = ["compare_page", "comparison", "comparison_notes", "comparison_table", "comparison_warnings"]
