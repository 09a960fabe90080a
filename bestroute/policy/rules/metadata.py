"""Metadata: what the caller tells beside the words, and what a rule wants of it.

Numbers match as numbers, whether they come from Python, numpy or a header's text; a list matches by any of
its items; true and false are no numbers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Set
from functools import cached_property
from numbers import Number
from typing import Annotated, Any

from pydantic import ConfigDict, Field, FiniteFloat, RootModel, ValidationError, WrapValidator
from pydantic_core import PydanticCustomError

from bestroute.query import Query

Scalar = str | bool | int | FiniteFloat
_NUMBER = re.compile(r"[-+]?[0-9]{1,300}(?:\.[0-9]{0,300})?(?:[eE][-+]?[0-9]{1,3})?")


def _one_message(value: Any, handler: Any) -> Any:
    """Say once what fits, instead of once for every member of a union."""
    try:
        return handler(value)
    except ValidationError:
        raise PydanticCustomError(
            "metadata_value",
            "must be a text, a finite number, true or false, or a list of at least one of these",
        ) from None


Wanted = Annotated[
    Scalar | Annotated[tuple[Scalar, ...], Field(min_length=1)],
    WrapValidator(_one_message),
]


class Metadata(RootModel[dict[str, Wanted]]):
    """Holds where the caller's metadata has each key with the value, or one of the values, given."""

    model_config = ConfigDict(frozen=True, strict=True)
    root: dict[str, Wanted] = Field(min_length=1)

    @cached_property
    def wanted(self) -> dict[str, tuple[Scalar, ...]]:
        """The values that do, by key."""
        return {key: want if isinstance(want, tuple) else (want,) for key, want in self.root.items()}

    def matches(self, query: Query) -> bool:
        """Whether every key holds one of its values."""
        return self._first_miss(query.metadata) is None

    def why_not(self, query: Query) -> str:
        """Name the first key that differs, and how it comes close."""
        key = self._first_miss(query.metadata)
        if key is None or key not in query.metadata:
            return f"lacks metadata {key}{_elsewhere(key or '', query.metadata)}"
        found = query.metadata[key]
        return f"has metadata {key} {found!r}{_nearly(found, self.wanted[key])}"

    def _first_miss(self, metadata: Mapping[str, Any]) -> str | None:
        for key, wanted in self.wanted.items():
            if key not in metadata or not any(
                same(one, want) for one in _items(metadata[key]) for want in wanted
            ):
                return key
        return None


def same(found: object, want: Scalar) -> bool:
    """Whether a value is the one that a rule wants: 1 is 1.0 and "1", but no true; "1.0" is no "1"."""
    if isinstance(found, str) and isinstance(want, str):
        return found == want or unicodedata.normalize("NFC", found) == unicodedata.normalize("NFC", want)
    if isinstance(found, bool) or isinstance(want, bool):
        return found is want
    left, right = _as_number(found), _as_number(want)
    return left is not None and left == right


def _as_number(value: object) -> Any:
    if isinstance(value, str):
        return float(value) if _NUMBER.fullmatch(value) else None
    return value if isinstance(value, Number) else None


def _items(value: object) -> Iterable[Any]:
    """The items of a list of any kind, else the value itself; numpy's values as Python's."""
    plain = value.tolist() if type(value).__module__ == "numpy" and hasattr(value, "tolist") else value
    return plain if isinstance(plain, (list, tuple, Set)) else (plain,)


def _elsewhere(key: str, metadata: Mapping[str, Any]) -> str:
    """Where else the key stands, if it does: in another case, or inside another."""
    for other, value in metadata.items():
        if _alike(other, key):
            return f" (there is {other!r})"
        if isinstance(value, Mapping) and key in value:
            return f" (it stands in {other!r})"
    return ""


def _nearly(found: object, wanted: Iterable[Scalar]) -> str:
    if isinstance(found, Mapping):
        return ", an object"
    for want in wanted:
        for one in _items(found):
            if isinstance(one, str) and isinstance(want, str) and _alike(one, want):
                return f", which is {want!r} but for case or spaces"
            if isinstance(want, bool) != isinstance(one, bool) and str(one).lower() == str(want).lower():
                return f", which is the text {one!r} and not true or false" if isinstance(one, str) else ""
    return ", of which none does" if not isinstance(found, str) and len([*_items(found)]) > 1 else ""


def _alike(left: object, right: object) -> bool:
    return _folded(left) == _folded(right)


def _folded(value: object) -> str:
    return (
        "".join(unicodedata.normalize("NFKC", str(value)).casefold().split())
        .replace("_", "")
        .replace("-", "")
    )
