"""Conditions: what a rule may ask of a query. Each answers in time linear in the query.

Patterns run on RE2, never on a backtracking engine. A new condition is one more class here and one more field
of `When`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Annotated, Any, Protocol, get_args

from pydantic import (
    ConfigDict,
    Field,
    FiniteFloat,
    RootModel,
    ValidationError,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from bestroute.policy.arms import Capability, Feature, Frozen
from bestroute.policy.rules.keywords import compile_pattern
from bestroute.query import Query

Scalar = str | bool | int | FiniteFloat


class Condition(Protocol):
    """One thing a rule asks of a query."""

    def matches(self, query: Query) -> bool:
        """Whether the condition holds."""
        ...

    def why_not(self, query: Query) -> str:
        """A few words on why it does not hold."""
        ...


class Pattern(RootModel[str]):
    """Holds where a regular expression (RE2 syntax) is found in the text; case counts unless it has (?i)."""

    model_config = ConfigDict(frozen=True, strict=True)
    root: str = Field(min_length=1, max_length=10_000)

    @cached_property
    def _regex(self) -> Any:
        return compile_pattern(self.root)

    @model_validator(mode="after")
    def _compiles(self) -> Pattern:
        try:
            _ = self._regex
        except ValueError as error:
            raise ValueError(
                f"is not a regular expression that RE2 reads: {error} "
                "(RE2 has no backreferences and no lookaround)"
            ) from None
        return self

    def matches(self, query: Query) -> bool:
        """Whether the pattern is found anywhere in the query's text."""
        return self._regex.search(query.text) is not None

    def why_not(self, query: Query) -> str:
        """Name the pattern."""
        return f"does not match the pattern '{self.root}'"


class Range(Frozen):
    """Bounds on a count, both included; at least one is given."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    min: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="smallest count that matches", examples=[2]
    )
    max: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="largest count that matches", examples=[12]
    )

    @model_validator(mode="after")
    def _spans(self) -> Range:
        if self.min is None and self.max is None:
            raise ValueError("needs min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"has min {self.min} above max {self.max}, so nothing matches")
        return self

    def holds(self, count: int) -> bool:
        """Whether the count lies within the bounds."""
        return (self.min is None or count >= self.min) and (self.max is None or count <= self.max)

    def _outside(self, count: int, unit: str) -> str:
        if self.min is not None and count < self.min:
            return f"has {count} {unit}, fewer than {self.min}"
        return f"has {count} {unit}, more than {self.max}"


class Tokens(Range):
    """Bounds on the estimated tokens of the text."""

    def matches(self, query: Query) -> bool:
        """Whether the text's length lies within the bounds."""
        return self.holds(query.tokens)

    def why_not(self, query: Query) -> str:
        """Say how long the text is."""
        return self._outside(query.tokens, "tokens")


class Turns(Range):
    """Bounds on the number of messages the user has sent."""

    def matches(self, query: Query) -> bool:
        """Whether the number of turns lies within the bounds."""
        return self.holds(query.turns)

    def why_not(self, query: Query) -> str:
        """Say how many turns there are."""
        return self._outside(query.turns, "turns")


def _one_message(value: Any, handler: Callable[[Any], Any]) -> Any:
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


def _same(left: object, right: object) -> bool:
    """Equal as YAML and JSON see it: 1 is 1.0, but true is not 1."""
    return isinstance(left, bool) == isinstance(right, bool) and left == right


class Metadata(RootModel[dict[str, Wanted]]):
    """Holds where the caller's metadata has each key with the value, or one of the values, given."""

    model_config = ConfigDict(frozen=True, strict=True)
    root: dict[str, Wanted] = Field(min_length=1)

    @cached_property
    def _wanted(self) -> tuple[tuple[str, tuple[Scalar, ...]], ...]:
        return tuple((key, want if isinstance(want, tuple) else (want,)) for key, want in self.root.items())

    def matches(self, query: Query) -> bool:
        """Whether every key holds one of its values."""
        return self._first_miss(query.metadata) is None

    def why_not(self, query: Query) -> str:
        """Name the first key that differs."""
        key = self._first_miss(query.metadata)
        if key is None or key not in query.metadata:
            return f"lacks metadata {key}"
        return f"has metadata {key} {query.metadata[key]!r}"

    def _first_miss(self, metadata: Mapping[str, Any]) -> str | None:
        for key, wanted in self._wanted:
            found = metadata.get(key)
            if not isinstance(found, (str, bool, int, float)) or not any(
                _same(found, want) for want in wanted
            ):
                return key
        return None


_NEEDS = frozenset(get_args(Capability))


class Has(RootModel[tuple[Feature, ...]]):
    """Holds where the request has every one of these features."""

    model_config = ConfigDict(frozen=True, strict=True)
    root: tuple[Feature, ...] = Field(min_length=1)

    def matches(self, query: Query) -> bool:
        """Whether every feature is there; the text is looked at only when it must be."""
        needs = query.needs
        if any(feature in _NEEDS and feature not in needs for feature in self.root):
            return False
        return needs.issuperset(self.root) or query.has.issuperset(self.root)

    def why_not(self, query: Query) -> str:
        """Name the first feature that is not there."""
        return f"has no {next(feature for feature in self.root if feature not in query.has)}"
