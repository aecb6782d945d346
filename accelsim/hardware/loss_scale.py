"""hwconfig: loss scaling, static or dynamic."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from accelsim.formats.loss_scale import Adaptation, LossScale
from accelsim.yamlfile import Allowed, Fault, FileModel, refuse

SMALLEST, LARGEST = 2.0**-24, 2.0**64
"""Of a scale: far inside the range of fp32, as its inverse is."""


def _power_of_two(found: float) -> float:
    if math.frexp(found)[0] != 0.5:
        down = 2.0 ** (math.frexp(found)[1] - 1)
        text = "found {found}, which is no power of two, and others scale inexactly; the nearest are {down} and {up}"
        values = {"found": f"{found:.10g}", "down": f"{down:.10g}", "up": f"{2 * down:.10g}"}
        raise PydanticCustomError("value_error", text, values)
    return found


_POWER = AfterValidator(_power_of_two)
Scale = Annotated[float, Field(ge=SMALLEST, le=LARGEST), _POWER, Allowed("a power of two from 2^-24 to 2^64")]
Growth = Annotated[float, Field(ge=2, le=65536), _POWER, Allowed("a power of two from 2 to 65536")]
Backoff = Annotated[float, Field(ge=2.0**-16, le=0.5), _POWER, Allowed("a power of two from 2^-16 to 0.5")]


class LossScaleField(FileModel):
    """Scale on the gradient of the loss, which the update takes off again. A bare number is a static scale; dynamic,
    with its fields or all of them by default, one that moves: down after a step with a gradient that is not finite,
    which updates nothing, and up after many without."""

    initial: Scale = 65536.0
    """Scale of the first step; by default 2^16."""
    dynamic: bool = True
    """Whether it moves; false is what a bare number stands for."""
    growth: Growth = 2.0
    """What the scale is multiplied by after interval steps in a row without overflow."""
    backoff: Backoff = 0.5
    """What it is multiplied by after a step with overflow."""
    interval: Annotated[int, Field(ge=1, le=1_000_000_000)] = 2000
    """Steps in a row without overflow after which it grows."""
    minimum: Scale = 1.0
    """It goes no lower; an overflow at this scale ends the training."""
    maximum: Scale = 2.0**24
    """It grows no further; by default 2^24."""

    @model_validator(mode="after")
    def _consistent(self) -> LossScaleField:
        refuse("loss_scale", [*(self._limits() if self.dynamic else self._unused())])
        return self

    def _limits(self) -> Iterator[Fault]:
        if not self.minimum <= self.initial <= self.maximum:
            text = f"found {self.initial:.10g}; allowed: minimum ({self.minimum:.10g}) to maximum ({self.maximum:.10g})"
            yield Fault(("initial",), text)

    def _unused(self) -> Iterator[Fault]:
        for name in ("growth", "backoff", "interval", "minimum", "maximum"):
            found = getattr(self, name)
            if found != type(self).model_fields[name].default:
                yield Fault((name,), f"found {found:.10g}, but it belongs to a dynamic scale; leave it out")

    def rule(self) -> LossScale:
        """As the recipe holds it."""
        if not self.dynamic:
            return LossScale(self.initial)
        moves = Adaptation(self.growth, self.backoff, self.interval, self.minimum, self.maximum)
        return LossScale(self.initial, moves)


def _spelt_out(found: Any) -> Any:
    """A bare number is a static scale, the word dynamic one with every default."""
    if found == "dynamic":
        return {}
    bare = isinstance(found, int | float) and not isinstance(found, bool)
    return {"initial": found, "dynamic": False} if bare else found


class _NumberOrFields:
    """Schema of the field: a number, the word, or the fields."""

    @staticmethod
    def __get_pydantic_json_schema__(schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        number = {"type": "number", "minimum": SMALLEST, "maximum": LARGEST}
        return {"anyOf": [number, {"const": "dynamic"}, handler(schema)]}


LossScaleEntry = Annotated[
    LossScaleField,
    BeforeValidator(_spelt_out),
    Allowed(
        "a power of two (static), dynamic, or its fields initial, growth, backoff, interval, minimum, maximum",
        ("dynamic",),
    ),
    _NumberOrFields,
]
