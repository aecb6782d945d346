"""The hwconfig's models."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import accelsim.layers
import accelsim.networks.workload
from accelsim.errors import UserError
from accelsim.hardware import Buffer, Dram, HardwareConfig, LaneUnit, MacArray, load_hwconfig, load_technology
from accelsim.yamlfile import FileModel
from accelsim.yamlfile.descriptions import descriptions

assert accelsim.layers
assert accelsim.networks.workload


def _models(base=FileModel):
    for child in base.__subclasses__():
        if child.__module__.startswith("accelsim."):
            yield child
        yield from _models(child)


MODELS = {model.__name__: model for model in _models()}


@pytest.mark.parametrize("model", MODELS.values(), ids=list(MODELS))
def test_every_field_of_every_model_has_a_description(model):
    assert (model.__doc__ or "").strip()
    texts = descriptions(model)
    for name in model.model_fields:
        assert texts.get(name, "").strip(), f"{model.__name__}.{name}"


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (LaneUnit, {"lanes": True}),
        (LaneUnit, {"lanes": float("nan")}),
        (MacArray, {"rows": 1, "columns": True, "operand": "int8", "dataflow": "os"}),
        (Buffer, {"capacity_bytes": 0, "bytes_per_cycle": 1}),
        (Buffer, {"capacity_bytes": 64, "bytes_per_cycle": 1, "double_buffered": "perhaps"}),
        (Dram, {"model": "bandwidth", "bandwidth_bytes_per_s": float("inf"), "energy_pj_per_bit": 1}),
        (Dram, {"model": "bandwidth", "bandwidth_bytes_per_s": 1e9, "energy_pj_per_bit": True}),
        (Dram, {"model": "bandwidth", "bandwidth_bytes_per_s": 1e9, "energy_pj_per_bit": 1, "efficiency": 0}),
    ],
)
def test_values_that_no_machine_has(model, fields):
    with pytest.raises(ValidationError):
        model(**fields)


def test_models_refuse_what_files_may_not_say_either(int8_machine: HardwareConfig):
    fields = int8_machine.model_dump()
    with pytest.raises(ValidationError, match="numerics other than fp32 alone need one"):
        HardwareConfig(**{**fields, "quantise_unit": None})


@pytest.mark.parametrize("role", ["weight_data_gradient", "layer_gradient_data_path", "layer_gradient_weight_path"])
def test_one_integer_role_needs_a_quantise_unit(root, role):
    fault = f"quantise_unit: missing, and numerics.{role} is int8; numerics other than fp32 alone need one"
    settings = [f"numerics.{role}=int8"]
    with pytest.raises(UserError, match=re.escape(fault)):
        load_hwconfig(root / "hwconfigs" / "fp32.yaml", settings)
    assert load_hwconfig(root / "hwconfigs" / "fp32.yaml", [*settings, "quantise_unit={lanes: 8}"]).quantise_unit


def test_a_machine_survives_its_own_dump(int8_machine, fp32_machine):
    for machine in (int8_machine, fp32_machine):
        assert HardwareConfig.model_validate(machine.model_dump(mode="json")) == machine


@pytest.mark.parametrize("name", ["28nm", "45nm"])
def test_shipped_technologies_load(name):
    technology = load_technology(name)
    assert technology.name == name
    assert technology.sram_pj_per_byte(64 << 10) > 0


@given(st.integers(1, 10_000), st.sampled_from([0, 0.1, 0.37, 0.5, 0.9, 0.99]), st.booleans())
def test_the_smallest_capacity_for_a_tile(tile_bytes, resident_share, double_buffered):
    buffer = Buffer(capacity_bytes=1, bytes_per_cycle=1, resident_share=resident_share, double_buffered=double_buffered)
    capacity = buffer.capacity_for(tile_bytes)
    found = [buffer.model_copy(update={"capacity_bytes": size}).tile_bytes for size in (capacity - 1, capacity)]
    assert found[0] < tile_bytes <= found[1]
