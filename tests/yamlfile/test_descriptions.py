"""Docstrings under the fields of models: found where they stand, and in the schema."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ConfigDict, Field, create_model

from accelsim.yamlfile import FileModel
from accelsim.yamlfile.descriptions import descriptions


class Base(FileModel):
    """A model; this describes no field."""

    first: int
    """Over
    two lines."""
    silent: int = 1
    named: int = Field(2, description="Said in the field.")
    """Not this."""


class Inner(FileModel):
    """Stands in another."""

    inner: str = ""
    """Text."""


class Derived(Base):
    """Has fields of its own and those of its base."""

    first: int = 3
    part: Inner = Inner()
    """Another model."""
    """No description: it stands under none."""


class Read(BaseModel):
    """What pydantic itself reads from the same lines."""

    model_config = ConfigDict(use_attribute_docstrings=True)
    first: int
    """Over
    two lines."""
    part: Inner = Inner()
    """Another model."""


def test_each_field_has_the_docstring_under_it():
    assert descriptions(Derived) == {"first": "Over\ntwo lines.", "named": "Not this.", "part": "Another model."}


def test_the_schema_has_them_and_keeps_what_a_field_says_itself():
    fields = Derived.model_json_schema()["properties"]
    assert {name: field.get("description") for name, field in fields.items()} == {
        "first": "Over\ntwo lines.",
        "silent": None,
        "named": "Said in the field.",
        "part": "Another model.",
    }


def test_the_schema_has_them_where_pydantic_would_write_them():
    ours, theirs = Derived.model_json_schema()["properties"], Read.model_json_schema()["properties"]
    assert {**ours["first"], "default": None} == {**theirs["first"], "default": None}
    assert list(ours["part"]) == list(theirs["part"])
    assert ours["part"] == theirs["part"]


@pytest.mark.parametrize("module", [__name__, "nowhere"])
def test_a_model_without_source_has_none(module):
    made = create_model("Made", __base__=FileModel, __module__=module, field=(int, 1))
    assert descriptions(made) == {}
    assert "description" not in made.model_json_schema()["properties"]["field"]
