"""What stands under the fields of a model, read from its source when somebody asks.

pydantic can read it as each class is made. That takes longer than all else about the class, and most commands show no
field's description.
"""

from __future__ import annotations

import ast
import inspect
from itertools import pairwise
from textwrap import dedent

from pydantic import BaseModel


def descriptions(model: type[BaseModel]) -> dict[str, str]:
    """The docstring of each field that has one, by name; none where there is no source."""
    found: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if issubclass(cls, BaseModel) and cls is not BaseModel:
            found |= _own(cls)
    return {name: found[name] for name in model.model_fields if name in found}


def _own(cls: type[BaseModel]) -> dict[str, str]:
    """Those of the fields that the class itself has, not one above it."""
    try:
        (tree,) = ast.parse(dedent(inspect.getsource(cls))).body
    except (OSError, TypeError):  # made in a console, or shipped without its source
        return {}
    found = {}
    for field, below in pairwise(tree.body if isinstance(tree, ast.ClassDef) else ()):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = inspect.cleandoc(text)
    return found
