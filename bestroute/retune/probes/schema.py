"""The values a probe file becomes. Field names are the file's keys."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, FiniteFloat, model_validator

from bestroute.decision import Cause
from bestroute.policy.arms import Frozen, Name, Samples
from bestroute.policy.objective import Gap
from bestroute.query import Query

Share = Annotated[FiniteFloat, Field(ge=0, le=1)]


def one_of(given: Sequence[str]) -> str:
    """What is wrong with a probe that has these of query and messages."""
    return f"needs exactly one of query and messages; this has {'both' if given else 'neither'}"


class Expect(Frozen):
    """What must hold of the decision; all that is given."""

    model: Name | None = Field(default=None, description="the model that is asked (first)")
    n: Samples | None = Field(default=None, description="for so many responses")
    models: Annotated[dict[Name, Samples], Field(min_length=1)] | None = Field(
        default=None, description="in place of model and n, a portfolio: what each model is asked for"
    )
    not_model: Annotated[tuple[Name, ...], Field(min_length=1)] | None = Field(
        default=None, description="models that are not asked, nor planned to be"
    )
    why_not: Annotated[dict[Name, Name], Field(min_length=1)] | None = Field(
        default=None, description="models with words of the reason why each of their tiers is left out"
    )
    rule: Name | None = Field(default=None, description="the rule that matches")
    not_rule: Annotated[tuple[Name, ...], Field(min_length=1)] | None = Field(
        default=None, description="rules that do not match"
    )
    no_rule: Literal[True] | None = Field(default=None, description="true: no rule matches")
    cause: Cause | None = Field(default=None, description="rule, tier, reference, abstain or fallback")
    max_cost: Annotated[FiniteFloat, Field(ge=0)] | None = Field(
        default=None, description="US$ that the query is expected to cost at most"
    )
    max_gap: Gap | None = Field(default=None, description="predicted gap at most")
    min_match: Share | None = Field(default=None, description="match probability at least")
    max_calls: Annotated[FiniteFloat, Field(ge=1)] | None = Field(
        default=None, description="expected rounds of asking at most"
    )

    @model_validator(mode="after")
    def _expects_something(self) -> Expect:
        if not self.model_fields_set:
            raise ValueError(f"needs an expectation: one or more of {', '.join(type(self).model_fields)}")
        if self.models is not None and not (self.model is None and self.n is None):
            raise ValueError("has model or n beside models, which say how many each is asked for")
        return self


class Probe(Frozen):
    """A query, or a whole conversation, and what must be decided for it."""

    name: Name = Field(description="what reports call the probe")
    query: str | None = Field(default=None, description="the text of the query")
    repeat: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=1, description="how many times over the query stands, for requests that are long"
    )
    messages: tuple[dict[str, Any], ...] | None = Field(
        default=None, description="in place of query: OpenAI chat messages"
    )
    metadata: dict[str, Any] = Field(default_factory=dict, description="what rules may look at")
    tools: bool = Field(default=False, description="whether the request offers tools to the model")
    expect: Expect = Field(description="what must hold of the decision")
    tags: tuple[Name, ...] = Field(default=(), description="groups that the probe counts in")

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Probe:
        given = [key for key in ("query", "messages") if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(one_of(given))
        if self.query is None and self.repeat > 1:
            raise ValueError("has repeat, which is for query; write the messages out")
        return self

    @cached_property
    def asked(self) -> Query:
        """The query. Raises InputError where there is nothing to route on."""
        text = None if self.query is None else self.query * self.repeat
        rest = {"messages": self.messages, "metadata": self.metadata, "tools": self.tools}
        return Query.of({"query": text, **rest})


class ProbeFile(Frozen):
    """Probes, and for some tags the share of their probes that must pass. Without such a tag each must."""

    version: Literal[1] = Field(description="version of this format: 1")
    min_pass_rate: dict[Name, Share] = Field(
        default_factory=dict, description="tags, with the least share of their probes that must pass"
    )
    probes: Annotated[tuple[Probe, ...], Field(min_length=1)]
