"""Conditions: what a rule may ask of a query. Each answers in time linear in the query.

Patterns run on RE2, never on a backtracking engine. A new condition is one more class here and one more field
of `When`.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Protocol, get_args

from pydantic import ConfigDict, Field, RootModel, model_validator

from bestroute.policy.arms import Capability, Feature, Frozen
from bestroute.policy.rules.metadata import Metadata as Metadata
from bestroute.policy.rules.patterns import UnicodePattern
from bestroute.query import Query

NEEDS = frozenset(get_args(Capability))


class Condition(Protocol):
    """One thing a rule asks of a query."""

    def matches(self, query: Query) -> bool:
        """Whether the condition holds."""
        ...

    def why_not(self, query: Query) -> str:
        """A few words on why it does not hold."""
        ...


class Pattern(RootModel[str]):
    """Holds where a regular expression (RE2 syntax) is found in the text; case counts unless it has (?i).

    Classes and boundaries of words are those of all scripts (bestroute.policy.rules.patterns).
    """

    model_config = ConfigDict(frozen=True, strict=True)
    root: str = Field(min_length=1, max_length=10_000)

    @cached_property
    def _regex(self) -> UnicodePattern:
        return UnicodePattern(self.root)

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
        return self._regex.search(query.text)

    @property
    def is_wide(self) -> bool:
        """Whether its classes and boundaries know more than ASCII."""
        return self._regex.is_wide

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


class Has(RootModel[tuple[Feature, ...]]):
    """Holds where the request has every one of these features."""

    model_config = ConfigDict(frozen=True, strict=True)
    root: tuple[Feature, ...] = Field(min_length=1)

    def matches(self, query: Query) -> bool:
        """Whether every feature is there; the text is looked at only when it must be."""
        needs = query.needs
        if any(feature in NEEDS and feature not in needs for feature in self.root):
            return False
        return needs.issuperset(self.root) or query.has.issuperset(self.root)

    def why_not(self, query: Query) -> str:
        """Name the first feature that is not there."""
        return f"has no {next(feature for feature in self.root if feature not in query.has)}"
