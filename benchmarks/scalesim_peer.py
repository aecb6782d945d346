"""SCALE-Sim's own run of a topology, for benchmarks/scalesim.py: only its environment can run this file.

It drives SCALE-Sim's classes layer by layer and writes no traces, which is faster than SCALE-Sim's command line.
"""

from __future__ import annotations

import json
import sys
import time

from scalesim.layout_utils import layouts
from scalesim.scale_config import scale_config
from scalesim.single_layer_sim import single_layer_sim
from scalesim.topology_utils import topologies


def main() -> None:
    cfg, csv = sys.argv[1:]
    start = time.perf_counter()
    config, topology = scale_config(), topologies()
    config.read_conf_file(cfg)
    topology.load_arrays(csv)
    topology.topo_calc_hyperparams()
    cycles = []
    for layer in range(topology.get_num_layers()):
        sim = single_layer_sim()
        sim.set_params(layer, config, topology, layouts(), verbose=False)
        sim.run()
        cycles.append(int(sim.get_compute_report_items()[1]))
    print(json.dumps({"seconds": time.perf_counter() - start, "cycles": cycles}))


if __name__ == "__main__":
    main()
