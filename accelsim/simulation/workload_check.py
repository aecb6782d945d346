"""A workload held against its data set: images or texts, their shape, classes."""

from __future__ import annotations

from accelsim.errors import UserError
from accelsim.networks import Topology, Workload
from accelsim.networks.workload import beside, check_layers, written_out
from accelsim.yamlfile import MarkedYaml, kind_of, validated


def check_marked_workload(marked: MarkedYaml) -> Workload | Topology:
    """Validate a workload or topology that was read already, and hold a network against its data set.

    Raises:
        UserError: the file is wrong, or the data set has other images or classes.
    """
    if kind_of(marked.data) == "topology":
        return validated(Topology, marked, "topology")
    marked = written_out(marked)
    workload = beside(validated(Workload, marked, "workload"), marked.path)
    faults = [str(marked.error(field, text)) for field, text in _dataset_faults(workload)]
    if faults:
        raise UserError("\n".join(faults))
    check_layers(workload, marked)
    return workload


def check_workload(workload: Workload) -> Workload:
    """A workload that comes from no file, held against its data set.

    Raises:
        UserError: the data set has other images or classes.
    """
    faults = [f"workload {workload.name}: {'.'.join(field)}: {text}" for field, text in _dataset_faults(workload)]
    if faults:
        raise UserError("\n".join(faults))
    return workload


def _dataset_faults(workload: Workload) -> list[tuple[tuple[str, ...], str]]:
    """Field and sentence of all that the network and the data set don't have in common."""
    from accelsim.training.datasets import dataset_kind, network_shape, option_faults

    network, field = workload.network, workload.dataset
    try:
        kind = dataset_kind(field.kind)
    except UserError as error:
        return [(("dataset", "kind"), str(error))]
    faults = [*option_faults(kind, field, network.shape[2] if network.input_shape else None)]
    wanted = network_shape(kind, field)
    if kind.texts:
        if network.tokens is None:
            text = f"found an image, but {kind.name} has texts; give network.tokens in its place"
            faults.append((("network", "input_shape"), text))
    elif network.input_shape is None:
        text = f"found {list(network.shape)}, but {kind.name} has images; give network.input_shape in its place"
        faults.append((("network", "tokens"), text))
    elif wanted not in (None, network.input_shape):
        padded, shape = " with dataset.pad" if field.pad else "", list(wanted or ())
        text = f"found {list(network.shape)}, but the images of {kind.name}{padded} are {shape}"
        faults.append((("network", "input_shape"), f"{text} (height, width, channels)"))
    if kind.classes is not None and kind.classes != network.classes:
        faults.append((("network", "classes"), f"found {network.classes}, but {kind.name} has {kind.classes} classes"))
    return faults
