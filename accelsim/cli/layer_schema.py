"""The JSON Schema of layers: each kind by its name, alone or with its fields."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

Schema = dict[str, Any]
LAYER = {"$ref": "#/$defs/AnyLayer"}


def with_layers(schema: Schema) -> Schema:
    """A workload's ``schema`` with the fields of every kind of layer, which its model leaves open."""
    from accelsim.layers import LAYERS

    _, described = models_json_schema([(cls, "validation") for cls in LAYERS.values()])
    definitions = {name: _short_pairs(definition) for name, definition in described["$defs"].items()}
    definitions["AnyLayer"] = {
        "description": "A kind of layer, or one kind with its fields.",
        "anyOf": [
            {"type": "string", "enum": sorted(LAYERS)},
            *(_kind(kind, cls.__name__, cls.__doc__ or "") for kind, cls in sorted(LAYERS.items())),
            _block_use(sorted(LAYERS)),
        ],
    }
    found: Schema = _pointing({**schema, "$defs": {**schema["$defs"], **definitions}})
    found["$defs"]["NetworkField"]["properties"]["blocks"] = BLOCKS
    return found


BLOCKS: Schema = {
    "description": "Lists of layers by name, with parameters; a use in layers is written out.",
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "properties": {
            "parameters": {"type": "array", "description": "Names, or names with a default."},
            "layers": {"type": "array", "description": "Layers, with $NAME for a parameter.", "minItems": 1},
        },
        "required": ["layers"],
        "additionalProperties": False,
    },
}


def _block_use(kinds: list[str]) -> Schema:
    """A block by its name, or with its arguments; a schema can't know which blocks a file defines."""
    other = {"not": {"enum": kinds}}
    named = {"type": "string", **other}
    with_arguments = {"type": "object", "propertyNames": other, "minProperties": 1, "maxProperties": 1}
    return {"description": "A block of network.blocks.", "anyOf": [named, with_arguments]}


def _kind(kind: str, name: str, description: str) -> Schema:
    fields = {"anyOf": [{"$ref": f"#/$defs/{name}"}, {"type": "null"}], "description": description}
    return {"type": "object", "properties": {kind: fields}, "required": [kind], "additionalProperties": False}


def _short_pairs(part: Any) -> Any:
    """Let one number stand for a pair, as the layers' validators do."""
    if isinstance(part, list):
        return [_short_pairs(item) for item in part]
    if not isinstance(part, dict):
        return part
    inner = {key: _short_pairs(value) for key, value in part.items()}
    if len(inner.get("prefixItems", ())) != 2:
        return inner
    outer = {key: inner.pop(key) for key in ("title", "description", "default") if key in inner}
    return {**outer, "anyOf": [inner["prefixItems"][0], inner]}


def _pointing(part: Any) -> Any:
    """Put the definition of all layers wherever a list of layers is open."""
    if isinstance(part, list):
        return [_pointing(item) for item in part]
    if not isinstance(part, dict):
        return part
    return LAYER if _is_open_layer(part) else {key: _pointing(value) for key, value in part.items()}


def _is_open_layer(part: Schema) -> bool:
    return part == {"anyOf": [{"type": "string"}, {"type": "object", "minProperties": 1, "maxProperties": 1}]}
