"""Tables of what a step did, in the order of terminal and page. A new one is one file and one line here."""

from __future__ import annotations

from accelsim.reports.critical import CRITICAL_PATH
from accelsim.reports.hidden import HIDDEN
from accelsim.reports.memories import MEMORIES
from accelsim.reports.phases import PHASES_OF_STEP
from accelsim.reports.roofs import ROOFS
from accelsim.reports.traffic import TRAFFIC
from accelsim.reports.waits import WAITS

STEP_TABLES = (PHASES_OF_STEP, ROOFS, TRAFFIC, MEMORIES, WAITS, CRITICAL_PATH, HIDDEN)
"""Every table."""
