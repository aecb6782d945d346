"""What an observer sees of a step, against plain Python; that looking changes nothing is in tests/training."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.datapath import Datapath, Observation
from accelsim.datapath.units import HANDLERS
from accelsim.errors import InternalError
from accelsim.formats import FP32, Granularity, Role, Rounding, TensorRule, format_by_name
from accelsim.machine import Parameter
from accelsim.program import Unit, Work

RULES = {
    "nearest": TensorRule(format_by_name("int8")),
    "stochastic": TensorRule(format_by_name("int4"), Rounding.STOCHASTIC),
    "per channel": TensorRule(format_by_name("int8"), granularity=Granularity.PER_CHANNEL),
    "affine": TensorRule(format_by_name("uint8"), affine=True),
    "clipping": TensorRule(format_by_name("int8"), headroom=0.5),
    "fp8": TensorRule(format_by_name("fp8_e4m3")),
    "bf16": TensorRule(format_by_name("bf16")),
    "mxfp4": TensorRule(format_by_name("mxfp4")),
    "nvfp4": TensorRule(format_by_name("nvfp4_2d")),
    "ternary": TensorRule(format_by_name("ternary")),
}


def _quantised(hw, rule, values):
    recipe = hw.recipe()
    machine = Datapath(replace(recipe, rules={**recipe.rules, Role.WEIGHT: rule}), {}, seed=1, check=True)
    machine.begin_step(0, training=True)
    machine.context.observation = Observation()
    with machine.scope("layer1"):
        made = machine.quantise(machine.external("x", values.shape, FP32, Role.INPUT, values), Role.WEIGHT)
    return made, machine.context.observation.found["layer1.weight_codes"]


@pytest.mark.parametrize("name", RULES)
@given(rows=st.lists(st.lists(st.floats(-2, 2, width=16), min_size=6, max_size=6), min_size=1, max_size=4))
def test_statistics_are_those_of_plain_python(fp32_machine, name, rows):
    values = np.array(rows, dtype=np.float32)
    made, (spec, layer, found) = _quantised(fp32_machine, RULES[name], values)
    zero = 0 if made.zero_point is None else made.zero_point
    codes, real = (made.data.astype(float) - zero).ravel().tolist(), values.astype(float).ravel().tolist()
    scales = np.broadcast_to(np.reshape(made.scale, (-1, 1)), values.shape).ravel().tolist()
    held = [code * scale for code, scale in zip(codes, scales, strict=True)]
    assert (layer, spec.role, found.elements) == ("layer1", Role.WEIGHT, values.size)
    assert found.scale_factor == max(scales)
    assert found.largest_magnitude == max(map(abs, real))
    assert found.zeros == codes.count(0)
    assert found.underflowed == sum(code == 0 != value for code, value in zip(codes, real, strict=True))
    power, kept = sum(v * v for v in real), sum(h * h for h in held)
    error = sum((h - v) ** 2 for h, v in zip(held, real, strict=True))
    assert found.sqnr_db == (pytest.approx(10 * math.log10(power / error)) if error and power else math.inf)
    both = sum(h * v for h, v in zip(held, real, strict=True))
    assert found.cosine == (pytest.approx(both / math.sqrt(power * kept)) if power * kept else None)
    if made.format.family == "block":
        return  # these codes have their blocks' scales in them: tests/datapath/test_counts.py has the elements
    shares = [count / len(codes) for count in Counter(codes).values()]
    assert found.effective_bits == pytest.approx(-sum(share * math.log2(share) for share in shares), abs=1e-12)


@pytest.mark.parametrize("clip", [False, True])
def test_norms_are_those_before_the_update_and_before_clipping(make_datapath, fp32_machine, rng, clip):
    values = {name: rng.normal(size=shape).astype(np.float32) for name, shape in (("a", (3, 4)), ("b", (5,)))}
    gradients = {name: rng.normal(size=value.shape).astype(np.float32) for name, value in values.items()}
    machine = make_datapath(fp32_machine, dict(values))
    seen = machine.context.observation = Observation(quantisers=False)
    handles = {
        name: machine.external(f"{name}.g", g.shape, FP32, Role.WEIGHT_GRADIENT, g) for name, g in gradients.items()
    }
    factor = machine.clip_factor([machine.sum_of_squares(g) for g in handles.values()], 0.5) if clip else None
    for name, g in handles.items():
        machine.sgd(Parameter(name, g.shape, Role.WEIGHT), g, momentum=0.0, weight_decay=0.0, clip=factor)
    assert seen.weight_norm == pytest.approx(math.sqrt(sum(float(x) ** 2 for v in values.values() for x in v.flat)))
    assert seen.gradient_norm == pytest.approx(
        math.sqrt(sum(float(x) ** 2 for g in gradients.values() for x in g.flat))
    )
    assert not seen.found
    assert any((machine.context.state[name] != value).any() for name, value in values.items())


def test_norms_are_those_of_any_optimizer(make_datapath, fp32_machine, rng, monkeypatch):
    """What overwrites a parameter in the update unit is its update, under whatever name."""
    w, g = rng.normal(size=(2, 7)).astype(np.float32)
    machine = make_datapath(fp32_machine, {"w": w})
    seen = machine.context.observation = Observation(quantisers=False, distributions=True)

    def step():
        kept = machine.parameter(Parameter("w", (7,), Role.WEIGHT))
        gradient = machine.external("g", (7,), FP32, Role.WEIGHT_GRADIENT, g)
        machine.issue("sign_step", Unit.UPDATE, [kept, gradient], [], work=Work(7, 1, 1, FP32), in_place=[kept])

    with pytest.raises(InternalError, match="no unit of the datapath executes 'sign_step'"):
        step()
    monkeypatch.setitem(HANDLERS, "sign_step", lambda context, operation, inputs, outputs: [])
    step()
    assert seen.weight_norm == pytest.approx(np.linalg.norm(w.astype(float)))
    assert seen.gradient_norm == pytest.approx(np.linalg.norm(g.astype(float)))
    assert set(seen.updated) == {"w"}
