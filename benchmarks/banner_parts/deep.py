"""ResNet-110 in Flexpoint beside float32 and 8 bits: a short training, as deep networks take long."""

from __future__ import annotations

from kept_trainings import Store

from banner_parts.settings import FP32, Setting
from banner_parts.trainings import Training

WORKLOAD = "fashion_mnist_resnet110"
IMAGES, BATCH, EPOCHS = 20_000, 64, 1
SHORT = (f"dataset.training_images={IMAGES}", f"batch_size={BATCH}", "schedule.warmup_epochs=0.1")
MACHINES = (
    Setting("fp32", "float32, batch norm", hwconfig=FP32),
    Setting("flexpoint", "flex16+5, batch norm", hwconfig="flexpoint"),
    Setting("int8", "8 bits, range batch norm"),
)


def trainings(store: Store) -> list[Training]:
    """One for each machine."""
    return [Training(machine, WORKLOAD, EPOCHS, 1, store, SHORT) for machine in MACHINES]
