"""ResNet-18 and ResNet-50 against published counts.

Parameters and multiply-accumulates of one 224 x 224 image: torchvision's model pages for resnet18 and resnet50
(ResNet50 with the stride in its 3x3 convolutions): 11,689,512 and 25,557,032 parameters, 1.81 and 4.09 G.
"""

import math

import pytest

from accelsim.formats import FP32, Role, float_recipe
from accelsim.networks import load_workload
from accelsim.program import Phase

PUBLISHED = {"imagenet_resnet18": (11_689_512, 1.81, 21), "imagenet_resnet50": (25_557_032, 4.09, 54)}


@pytest.fixture(params=PUBLISHED)
def found(request, root):
    workload = load_workload(root / "workloads" / f"{request.param}.yaml")
    traced = workload.build().trace(float_recipe(FP32), workload.optimizer, 1)
    return traced, PUBLISHED[request.param]


def test_parameters(found):
    traced, (parameters, _, _) = found
    learned = [p for p in traced.parameters.values() if p.role is Role.MASTER_WEIGHT]
    assert sum(math.prod(parameter.shape) for parameter in learned) == parameters


def test_forward_multiply_accumulates(found):
    traced, (_, billions, layers) = found
    forward = [operation.macs for operation in traced.program.operations if operation.phase is Phase.FORWARD]
    assert round(sum(forward) / 1e9, 2) == billions
    assert sum(macs > 0 for macs in forward) == layers
