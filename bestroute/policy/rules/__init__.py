"""Rules: what is sure about a query decides before the router model is asked.

A rule has conditions (`when`), all of which must hold, and one action.

conditions  what a rule may ask of a query
keywords    words found in a text of any script
patterns    regular expressions that mean in every script what they mean in English
metadata    what the caller tells beside the words
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, FiniteFloat, model_validator

from bestroute.policy.arms import Arm, Frozen, Name
from bestroute.policy.exclusive import exactly_one
from bestroute.policy.objective import AnyObjective, Gap, Match, PointPrice, objective_of
from bestroute.policy.rules.conditions import Condition, Has, Metadata, Pattern, Tokens, Turns
from bestroute.policy.rules.keywords import Keywords
from bestroute.query import Query

__all__ = ["ACTIONS", "Rule", "When", "first_match"]

ACTIONS = ("route", "max_gap", "min_match", "cost_per_point", "exclude", "max_latency_ms")
"""What a rule may do: exactly one."""


Milliseconds = Annotated[FiniteFloat, Field(gt=0)]
_CONDITIONS = ("metadata", "turns", "tokens", "has", "keywords", "pattern")
_OF_REQUEST = (Metadata, Turns)


class When(Frozen):
    """The conditions of a rule, all of which must hold; tried in this order, the cheap ones first.

    With `of: last_turn` those on the text and what comes with it look at the user's last message alone.
    """

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": [name]} for name in _CONDITIONS]})

    metadata: Metadata | None = Field(
        default=None,
        description="keys of the caller's metadata and their values",
        examples=[{"plan": "enterprise", "team": ["legal", "compliance"]}],
    )
    turns: Turns | None = Field(
        default=None, description="how many messages the user has sent", examples=[{"max": 1}]
    )
    tokens: Tokens | None = Field(
        default=None, description="how long the text is, in estimated tokens", examples=[{"max": 12}]
    )
    has: Has | None = Field(
        default=None, description="features of the request, all needed", examples=[["image"]]
    )
    keywords: Keywords | None = Field(
        default=None,
        description="words or phrases, any of which is enough; one that ends in * is the beginning of a word",
        examples=[["lawsuit", "liability", "Kündigung*"]],
    )
    pattern: Pattern | None = Field(
        default=None,
        description="regular expression (RE2) found in the text",
        examples=[r"(?i)^\W*(hi|hello|thanks)\W*$"],
    )
    of: Literal["last_turn"] | None = Field(
        default=None,
        description="last_turn: tokens, has, keywords and pattern look at the user's last message alone",
    )

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions that are given, in the order of trial."""
        given = (getattr(self, name) for name in _CONDITIONS)
        return tuple(condition for condition in given if condition is not None)

    @model_validator(mode="after")
    def _asks_something(self) -> When:
        if not self.conditions:
            raise ValueError(f"needs a condition: one or more of {', '.join(_CONDITIONS)}")
        return self

    def matches(self, query: Query) -> bool:
        """Whether every condition holds."""
        return self.first_unmet(query) is None

    def first_unmet(self, query: Query) -> tuple[Condition, Query] | None:
        """The first condition that does not hold, and what it looked at; None where all hold."""
        for condition in self.conditions:
            asked = query.last_turn if self.of and not isinstance(condition, _OF_REQUEST) else query
            if not condition.matches(asked):
                return condition, asked
        return None


class Rule(Frozen):
    """Conditions and the one thing to do when they hold: route to an arm, set the dial, exclude models, or
    bound the time that an answer is expected to take."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [action]} for action in ACTIONS]})

    name: Name = Field(description="what decisions and reports call the rule", examples=["greetings"])
    when: When = Field(description="conditions, all of which must hold")
    route: Arm | None = Field(
        default=None, description="the arm that answers", examples=[{"model": "gpt-4o"}]
    )
    max_gap: Gap | None = Field(default=None, description="the dial for these queries", examples=[0.0])
    min_match: Match | None = Field(default=None, description="the dial for these queries", examples=[0.9])
    cost_per_point: PointPrice | None = Field(
        default=None, description="the dial for these queries", examples=[0.5]
    )
    exclude: Annotated[tuple[Name, ...], Field(min_length=1)] | None = Field(
        default=None,
        description="models that may not answer these queries",
        examples=[["llama-3.1-8b"]],
    )
    max_latency_ms: Milliseconds | None = Field(
        default=None,
        description="tiers with a model of which one call in ten takes longer are passed over for these "
        "queries",
        examples=[1500],
    )

    @model_validator(mode="after")
    def _does_one_thing(self) -> Rule:
        exactly_one(ACTIONS, [name for name in ACTIONS if getattr(self, name) is not None])
        return self

    @property
    def objective(self) -> AnyObjective | None:
        """The dial for these queries; None where the rule sets none."""
        return objective_of(self)

    def matches(self, query: Query) -> bool:
        """Whether every condition holds."""
        return self.when.matches(query)

    def unmet(self, query: Query) -> str | None:
        """In a few words, the first condition that does not hold; None if the rule matches."""
        unmet = self.when.first_unmet(query)
        return None if unmet is None else unmet[0].why_not(unmet[1])


def first_match(rules: Iterable[Rule], query: Query, can_serve: Callable[[Rule], bool]) -> Rule | None:
    """The first rule that matches and that `can_serve` lets through, or None.

    `can_serve` tells whether a rule's route can take this request (long enough a window, the capabilities);
    it is asked only of rules that match and route to an arm.
    """
    for rule in rules:
        if rule.matches(query) and (rule.route is None or can_serve(rule)):
            return rule
    return None
