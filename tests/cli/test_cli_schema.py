"""``accelsim schema``: valid JSON, a description for every field, and the shipped files satisfy it."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from accelsim.layers import LAYERS

KINDS = {"hwconfig": "hwconfigs", "workload": "workloads"}
TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}
IGNORED = {"title", "description", "default", "examples", "$defs"}


def _fits(schema, value, root):
    """A small validator of the keywords that pydantic writes; an unknown keyword is an error."""
    words = sorted(schema.keys() - IGNORED, key=lambda word: word != "type")  # the type first: the others rest on it
    return all(_keyword(word, schema[word], schema, value, root) for word in words)


def _keyword(word, rule, schema, value, root):
    match word:
        case "$ref":
            return _fits(root["$defs"][rule.removeprefix("#/$defs/")], value, root)
        case "anyOf":
            return any(_fits(option, value, root) for option in rule)
        case "type":
            return isinstance(value, TYPES[rule]) and (rule == "boolean" or not isinstance(value, bool))
        case "properties":
            return all(_fits(inner, value[name], root) for name, inner in rule.items() if name in value)
        case "additionalProperties":
            others = [value[name] for name in value if name not in schema.get("properties", {})]
            return not others if rule is False else all(_fits(rule, other, root) for other in others)
        case "propertyNames":
            return all(_fits(rule, name, root) for name in value)
        case "not":
            return not _fits(rule, value, root)
        case "minProperties" | "maxProperties":
            return len(value) >= rule if word == "minProperties" else len(value) <= rule
        case "required":
            return set(rule) <= set(value)
        case "items":
            return all(_fits(rule, item, root) for item in value)
        case "prefixItems":
            return all(_fits(inner, item, root) for inner, item in zip(rule, value, strict=False))
        case "minItems" | "maxItems":
            return len(value) >= rule if word == "minItems" else len(value) <= rule
        case "minLength" | "maxLength":
            return len(value) >= rule if word == "minLength" else len(value) <= rule
        case "minimum" | "exclusiveMinimum":
            return value >= rule if word == "minimum" else value > rule
        case "maximum" | "exclusiveMaximum":
            return value <= rule if word == "maximum" else value < rule
        case "enum":
            return value in rule
        case "const":
            return value == rule
        case "pattern":
            return re.search(rule, value) is not None
    raise AssertionError(f"keyword {word} is new to this test")


def _schema(accelsim, kind):
    ran = accelsim("schema", kind)
    assert (ran.code, ran.err) == (0, "")
    return json.loads(ran.out)


def _objects(schema):
    """Every object with properties of its own, with the path to it."""
    for name, part in [("file", schema), *schema["$defs"].items()]:
        if "properties" in part:
            yield name, part


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_has_a_description(accelsim, kind):
    for name, part in _objects(_schema(accelsim, kind)):
        for field, described in part["properties"].items():
            assert described.get("description", "").strip(), f"{name}.{field} has no description"


@pytest.mark.parametrize("kind", KINDS)
def test_the_shipped_files_satisfy_it(accelsim, root, kind):
    schema = _schema(accelsim, kind)
    for path in sorted((root / KINDS[kind]).glob("*.yaml")):
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert _fits(schema, data, schema), path
        assert not _fits(schema, {**data, "nonsense": 1}, schema)
        assert not _fits(schema, {name: data[name] for name in data if name != "name"}, schema)


def test_layers_are_described_one_by_one(accelsim):
    schema = _schema(accelsim, "workload")
    layer = {"$ref": "#/$defs/AnyLayer"}
    for kind in LAYERS:
        assert kind in schema["$defs"]["AnyLayer"]["anyOf"][0]["enum"]
    assert _fits(layer, {"conv2d": {"filters": 3, "kernel": 3, "stride": [1, 2]}}, schema)
    assert _fits(layer, {"residual": {"body": ["relu", {"conv2d": {"filters": 3, "kernel": 3}}]}}, schema)
    assert not _fits(layer, {"residual": {"body": [{"conv2d": {"filtrs": 3, "kernel": 3}}]}}, schema)
    assert _fits(layer, "rleu", schema), "a block of the file may be called so"
    assert not _fits(layer, {"conv2d": {"filters": 3}}, schema)


def test_an_unknown_kind_of_file(accelsim):
    ran = accelsim("schema", "hwcofig")
    assert ran.code == 2
    assert "hwconfig" in ran.err
