"""Request fields of a variant: two models of a policy may be one endpoint's two efforts."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, Field, WithJsonSchema

FORBIDDEN = {
    "functions": "they are the request's",
    "messages": "they are the request's",
    "model": "set endpoint.model",
    "n": "set the n of a tier",
    "stream": "whoever asks says so",
    "stream_options": "whoever asks says so",
    "tools": "they are the request's",
}
"""Fields that a variant may not set, each with whose they are."""


def _checked(params: dict[str, Any]) -> dict[str, Any]:
    for name, value in params.items():
        if name in FORBIDDEN:
            raise ValueError(f"must not hold {name!r}: {FORBIDDEN[name]}")
        if not _is_json(value):
            raise ValueError(f"must hold values that JSON has, which that of {name!r} is not")
    return params


def _is_json(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_json(one) for key, one in value.items())
    if isinstance(value, (list, tuple)):
        return all(map(_is_json, value))
    return value is None or isinstance(value, (str, int)) or (isinstance(value, float) and isfinite(value))


Params: TypeAlias = Annotated[
    dict[str, Any],
    Field(min_length=1),
    AfterValidator(_checked),
    WithJsonSchema({"type": "object", "minProperties": 1, "propertyNames": {"not": {"enum": [*FORBIDDEN]}}}),
]
