"""Data sets of labelled images and texts, read from files that the user has: a registry of kinds, and their loaders."""

from accelsim.training.datasets.augmentation import Augmenter
from accelsim.training.datasets.dataset import Dataset, Split
from accelsim.training.datasets.kind import DatasetKind, Loader
from accelsim.training.datasets.prepare import network_shape, option_faults, read_dataset
from accelsim.training.datasets.registry import DATASETS, KINDS, class_count, dataset_kind, image_shape, load_dataset

__all__ = [
    "DATASETS",
    "KINDS",
    "Augmenter",
    "Dataset",
    "DatasetKind",
    "Loader",
    "Split",
    "class_count",
    "dataset_kind",
    "image_shape",
    "load_dataset",
    "network_shape",
    "option_faults",
    "read_dataset",
]
