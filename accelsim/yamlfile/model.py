"""The base of every model that a user's file is validated against."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, ValidationInfo, field_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from accelsim.yamlfile.descriptions import descriptions


class FileModel(BaseModel):
    """Frozen, knows no field but its own, and has the docstrings under its fields as descriptions in its schema.

    The validators of a model are made when the first file is validated against it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False, defer_build=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        found = handler(schema)
        fields = handler.resolve_ref_schema(found)["properties"]
        for name, text in descriptions(cls).items():
            fields[name].setdefault("description", text)
        return found

    @field_validator("*", mode="before")
    @classmethod
    def _truth_is_no_number(cls, found: Any, info: ValidationInfo) -> Any:
        """Refuse ``true`` for 1, which pydantic takes."""
        items = found if isinstance(found, list) else [found]
        if any(isinstance(item, bool) for item in items) and not _takes_bool(cls, info.field_name):
            raise PydanticCustomError("truth", "a truth value stands where none belongs")
        return found


def _takes_bool(model: type[BaseModel], field: str | None) -> bool:
    annotation = model.model_fields[field].annotation if field else None
    return annotation is bool or bool in get_args(annotation)
