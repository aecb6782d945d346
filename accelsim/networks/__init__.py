"""Networks: the graph, the workload file, schedules."""

from accelsim.networks.network import Network, Traced
from accelsim.networks.workload import Workload, load_workload

__all__ = ["Network", "Traced", "Workload", "load_workload"]
