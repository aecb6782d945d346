"""Clipping by the global norm on a stand-in for CuPy: the same bits, and one transfer a step."""

from __future__ import annotations

import numpy as np

from accelsim.datapath import Datapath
from accelsim.datapath.kernels.gpu import CudaKernels
from accelsim.formats import FP32, Role, float_recipe
from accelsim.machine import Parameter


def test_an_update_has_the_bits_of_numpy(strict, host_launcher, rng):
    gradients = [rng.normal(size=shape).astype(np.float32) for shape in ((37, 5), (3,))]
    found = []
    for kernels in (CudaKernels(strict, host_launcher), None):
        machine = Datapath(float_recipe(FP32), {"w": np.ones((37, 5), dtype=np.float32)}, seed=1, kernels=kernels)
        machine.begin_step(0, training=True, learning_rate=0.1)
        handles = [machine.external("g", g.shape, FP32, Role.WEIGHT_GRADIENT, g) for g in gradients]
        before = type(strict).fetched
        clip = machine.clip_factor([machine.sum_of_squares(g) for g in handles], 1.0)
        assert type(strict).fetched - before == (kernels is not None)
        machine.sgd(Parameter("w", (37, 5), Role.WEIGHT), handles[0], momentum=0.0, weight_decay=0.1, clip=clip)
        found.append(machine.context.state["w"])
    np.testing.assert_array_equal(found[0].get(), found[1])
