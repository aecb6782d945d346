"""Graphs that another tool ships: the same products and weights as the workloads here, which were written by hand."""

from __future__ import annotations

import math

import pytest

from accelsim.errors import UserError
from accelsim.formats import FP32, Role, float_recipe
from accelsim.networks import load_workload
from accelsim.simulation.imported import imported_onnx

pytest.importorskip("onnx", reason="ONNX models are read with the package onnx")

PAIRS = {"resnet18": ("imagenet_resnet18", 11_689_512), "mobilenetv2": ("imagenet_mobilenet_v2", 3_504_872)}
"""Workload, and parameters with batch norm: torchvision's model pages for resnet18 and mobilenet_v2."""


def counted(workload):
    traced = workload.trace(float_recipe(FP32))
    sizes = dict.fromkeys((Role.WEIGHT, Role.BIAS, Role.NORM_PARAMETER), 0)
    for parameter in traced.parameters.values():
        if parameter.role is Role.MASTER_WEIGHT:
            sizes[parameter.used_as] += math.prod(parameter.shape)
    return [operation.macs for operation in traced.program.operations if operation.macs], sizes


@pytest.mark.parametrize("name", PAIRS)
def test_products_and_parameters_are_those_of_the_workload(golden, root, name):
    other, published = PAIRS[name]
    imported = imported_onnx(golden / "onnx" / f"{name}.onnx").workload
    written = load_workload(root / "workloads" / f"{other}.yaml")
    same_batch = written.model_copy(update={"batch_size": imported.batch_size})
    (macs, sizes), (wanted_macs, wanted) = counted(imported), counted(same_batch)
    assert sorted(macs) == sorted(wanted_macs)
    assert (imported.network.shape, imported.network.classes) == (written.network.shape, written.network.classes)
    assert sizes[Role.WEIGHT] == wanted[Role.WEIGHT]
    # gamma and beta of a channel became the bias of the convolution before it.
    assert 2 * (sizes[Role.BIAS] - wanted[Role.BIAS]) == wanted[Role.NORM_PARAMETER]
    assert sum(wanted.values()) == published


def test_weights_in_another_file_that_is_not_there(golden):
    with pytest.raises(UserError, match=r"initialiser fc\.weight: .*'left_out'.*give --no-weights"):
        imported_onnx(golden / "onnx" / "resnet18.onnx", weights="w.safetensors")
