"""Networks: the graph, the workload file, schedules, topologies of products."""

from accelsim.networks.network import Network, Traced
from accelsim.networks.topology import ProductLayer, Topology
from accelsim.networks.workload import Workload, load_workload

__all__ = ["Network", "ProductLayer", "Topology", "Traced", "Workload", "load_workload"]
