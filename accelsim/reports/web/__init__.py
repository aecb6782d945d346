"""Building blocks of the HTML pages."""

from accelsim.reports.web.document import document
from accelsim.reports.web.parts import (
    WORDS,
    Card,
    Cell,
    assumptions,
    cards,
    chips,
    escape,
    figure_panel,
    filterable,
    folded,
    sortable,
    table,
    warning,
)

__all__ = [
    "WORDS",
    "Card",
    "Cell",
    "assumptions",
    "cards",
    "chips",
    "document",
    "escape",
    "figure_panel",
    "filterable",
    "folded",
    "sortable",
    "table",
    "warning",
]
