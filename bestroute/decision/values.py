"""What leaves the router: the decision, with every tier as it was weighed; and the forecast it rests on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bestroute.plan import Step
from bestroute.policy.arms import Arm
from bestroute.policy.objective import AnyObjective, Offer
from bestroute.policy.rules import Rule
from bestroute.query import Query

Cause: TypeAlias = Literal["rule", "tier", "reference", "abstain", "fallback"]
Floats = NDArray[np.float32]
TOO_DEAR = "costs more than max_cost"
"""Why a tier is left out that costs more than one query may."""
_NOT_TOLD = ("query_id", "asked", "rules", "again")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One tier as it was weighed for one query.

    `models` are what each model is asked for; `model` is `a+b` for a portfolio, `n` all responses. `quality`,
    0 to 1, is predicted of the kept response, `gap` is what that is below the reference's, in quality points
    (negative: better); both None where they cannot be told. `expected_cost` is in US$ for this query,
    `max_gap` the largest gap the tier may have, None where the dial is `min_match`, which it then must reach.
    `total_cost`: under `cost_per_point`, US$ with what its gap is worth. `why_not` says what stood against
    it, None if nothing did; `too_far`: the dial did, and nothing else. `chance`: where the policy
    escalates, that its gap after will be within `max_gap`.
    """

    model: str
    n: int
    models: Mapping[str, int] = field(hash=False)
    quality: float | None
    gap: float | None
    match_probability: float | None
    expected_cost: float
    max_gap: float | None
    eligible: bool
    why_not: str | None
    too_far: bool = False
    chance: float | None = None
    min_match: float | None = None
    total_cost: float | None = None

    @property
    def arm(self) -> Arm:
        """The arm that was weighed."""
        return _arm_of(tuple(self.models.items()))

    def offer(self, reference_cost: float) -> Offer:
        """What it offers, for an objective. Needs a gap."""
        assert self.gap is not None
        return Offer(self.gap, self.match_probability, self.expected_cost, reference_cost)

    def as_dict(self) -> dict[str, Any]:
        """The candidate as JSON values."""
        return {name: getattr(self, name) for name in Candidate.__slots__} | {"models": dict(self.models)}


@dataclass(frozen=True, slots=True)
class Decision:
    """Which arm answers a query, and why.

    `models` are what each model is asked for; `model` is `a+b` for a portfolio, `n` all responses.
    `cause`: `rule` (a rule chose the arm), `tier` (the first tier within the dial), `reference` (no cheaper
    tier was), `abstain` (the query is unlike all that the router model was trained on, or has no text to
    predict from), `fallback` (the router model failed or overran its time budget). `rule` is the name of the
    rule that matched, whatever it did. `plan` holds the steps that may follow one another, `expected_calls`
    how many of them are expected, `expected_gap` what the response that is kept is expected to lose, in
    quality points, None where that cannot be told. `objective`: the dial of this query, a rule's or the
    policy's. `novel`: the query is unlike all that the router model was trained on, so what is predicted of
    it is a guess. Costs are US$ for this query, `expected_cost` that of the plan. `policy` is the policy's
    digest. Two decisions are equal whatever their timings. `asked`, `rules`, the policy's, and `again`, which
    decides anew at another setting of the dial, are what `explain` goes by.
    """

    model: str
    n: int
    models: Mapping[str, int] = field(hash=False)
    cause: Cause
    rule: str | None
    gap: float | None
    match_probability: float | None
    expected_cost: float
    reference_cost: float
    candidates: tuple[Candidate, ...]
    policy: str
    objective: AnyObjective
    novel: bool = False
    query_id: str | None = None
    plan: tuple[Step, ...] = ()
    expected_calls: float = 1.0
    expected_gap: float | None = None
    timings_ms: Mapping[str, float] = field(default_factory=dict, compare=False)
    asked: Query | None = field(default=None, compare=False, repr=False)
    rules: tuple[Rule, ...] = field(default=(), compare=False, repr=False)
    again: Callable[[float], Decision] | None = field(default=None, compare=False, repr=False)

    @property
    def arm(self) -> Arm:
        """The arm that answers."""
        return _arm_of(tuple(self.models.items()))

    def explain(self) -> str:
        """The decision for people, as `bestroute route` shows it: what was decided, what it costs, the rules
        tried, every tier with what stood against it, and dials that would have chosen another.
        Takes milliseconds, tens of them where there is a plan."""
        from bestroute.decision.explain import explain

        return explain(self)

    def as_dict(self) -> dict[str, Any]:
        """The decision as JSON values; `query_id` only where the query has one."""
        content = {name: getattr(self, name) for name in Decision.__slots__ if name not in _NOT_TOLD}
        content |= {"models": dict(self.models), "timings_ms": dict(self.timings_ms)}
        content["objective"] = self.objective.as_dict()
        content["candidates"] = [candidate.as_dict() for candidate in self.candidates]
        content["plan"] = [step.as_dict() for step in self.plan]
        return content if self.query_id is None else {"query_id": self.query_id, **content}


@dataclass(frozen=True, slots=True)
class Forecast:
    """A prediction for one query: `quality` and `match` of shape (classes, n), `output_tokens` (classes,).

    `novelty`: how unlike its training queries the router model finds it; 0 where it cannot tell.
    """

    quality: Floats
    match: Floats
    output_tokens: Floats
    novelty: float = 0.0


@lru_cache(maxsize=1024)
def _arm_of(parts: tuple[tuple[str, int], ...]) -> Arm:
    """Kept, since a policy has few arms and their validation would cost more than a decision's arithmetic."""
    return Arm(models=dict(parts))
