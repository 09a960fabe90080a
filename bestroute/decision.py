"""Decision: from a prediction to an arm. Pure arithmetic on one policy; no model, no clock, no network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bestroute.arms import Arm, Model
from bestroute.artefact import Manifest
from bestroute.policy import Policy
from bestroute.query import Query
from bestroute.rules import Rule, first_match

Cause: TypeAlias = Literal["rule", "tier", "reference", "abstain", "fallback"]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One tier as it was weighed for one query.

    `gap` is in quality points (negative: better than the reference), `expected_cost` in US$ for this query,
    `max_gap` the largest gap the tier may have. `why_not` says what stood against it, None if nothing did.
    """

    model: str
    n: int
    gap: float | None
    match_probability: float | None
    expected_cost: float
    max_gap: float
    eligible: bool
    why_not: str | None

    @property
    def arm(self) -> Arm:
        """The arm that was weighed."""
        return Arm(model=self.model, n=self.n)


@dataclass(frozen=True, slots=True)
class Decision:
    """Which arm answers a query, and why.

    `cause`: `rule` (a rule chose the arm), `tier` (the first tier within the dial), `reference` (no cheaper
    tier was), `abstain` (the query is unlike all that the router model was trained on, or has no text to
    predict from), `fallback` (the router model failed or overran its time budget). `rule` is the name of the
    rule that matched, whatever it did. Costs are US$ for this query. `policy` is the policy's digest. Two
    decisions are equal whatever their timings.
    """

    model: str
    n: int
    cause: Cause
    rule: str | None
    gap: float | None
    match_probability: float | None
    expected_cost: float
    reference_cost: float
    candidates: tuple[Candidate, ...]
    policy: str
    query_id: str | None = None
    timings_ms: Mapping[str, float] = field(default_factory=dict, compare=False)

    @property
    def arm(self) -> Arm:
        """The arm that answers."""
        return Arm(model=self.model, n=self.n)

    def as_dict(self) -> dict[str, Any]:
        """The decision as JSON values; `query_id` only where the query has one."""
        candidates = [
            {name: getattr(candidate, name) for name in Candidate.__slots__} for candidate in self.candidates
        ]
        content = {name: getattr(self, name) for name in Decision.__slots__ if name != "query_id"}
        content |= {"candidates": candidates, "timings_ms": dict(self.timings_ms)}
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


@dataclass(frozen=True, slots=True)
class _Row:
    """A tier with everything that does not depend on the query looked up."""

    model: Model
    n: int
    column: int | None
    max_gap: float | None


class Decider:
    """Weighs the tiers of one policy for one query after another. Immutable."""

    def __init__(self, policy: Policy, manifest: Manifest) -> None:
        self.policy = policy
        self.digest = policy.digest
        self._models = {model.name: model for model in policy.models}
        self._columns = {name: index for index, name in enumerate(manifest.classes)}
        self._mean_tokens = np.array(manifest.mean_output_tokens, np.float32)
        self._reference = policy.reference_model
        self._reference_column = self._columns.get(self._reference.column)
        self._matches = self._reference.column == manifest.reference
        self._max_n = manifest.max_n
        self._max_novelty = manifest.max_novelty if policy.abstain else None
        self._rows = tuple(
            _Row(model, tier.n, self._columns.get(model.column), tier.max_gap)
            for tier in policy.tiers
            for model in [self._models[tier.model]]
        )

    def rule_for(self, query: Query) -> Rule | None:
        """The first rule that matches and, where it routes, whose model can take the request."""

        def can_serve(rule: Rule) -> bool:
            return rule.route is None or self._obstacle(self._models[rule.route.model], query) is None

        return first_match(self.policy.rules, query, can_serve)

    def decide(
        self, query: Query, rule: Rule | None, forecast: Forecast | None, without: Cause | None = None
    ) -> Decision:
        """The arm for a query.

        `forecast` is None where a rule routes, or where there is none to be had; then `without` says why
        (`abstain` or `fallback`) and the reference answers. So it does where the forecast itself says that
        the query is too novel to trust it, unless the policy says `abstain: false`.
        """
        if forecast is not None and self._max_novelty is not None and forecast.novelty > self._max_novelty:
            without = "abstain"
        candidates = tuple(self._weigh(row, query, rule, forecast, without) for row in self._rows)
        reference_cost = self._cost(self._reference, 1, query, forecast)
        if rule is not None and rule.route is not None:
            arm = rule.route
            gap, match = self._gap_and_match(arm.model, arm.n, forecast)
            cost = self._cost(self._models[arm.model], arm.n, query, forecast)
            return self._decision(query, rule, "rule", arm, gap, match, cost, reference_cost, candidates)
        chosen = next(candidate for candidate in candidates if candidate.eligible)
        cause = without or ("reference" if chosen.model == self._reference.name else "tier")
        return self._decision(
            query, rule, cause, chosen, chosen.gap, chosen.match_probability, chosen.expected_cost,
            reference_cost, candidates,
        )  # fmt: skip

    def ladder(self, decision: Decision, query: Query, rule: Rule | None) -> list[tuple[Model, int]]:
        """The decided arm, then what to ask if it does not answer: dearer tiers of other models, at last the
        reference.

        Tiers that may not or cannot take the query, and further arms of a model that failed, are left out.
        """
        rungs = [(self._models[decision.model], decision.n)]
        excluded = (rule.exclude if rule is not None else None) or ()
        for row, candidate in zip(self._rows, decision.candidates, strict=True):
            dearer = candidate.expected_cost > decision.expected_cost or row is self._rows[-1]
            asked = any(row.model.name == model.name for model, _ in rungs)
            open_ = row.model.name not in excluded and self._obstacle(row.model, query) is None
            if dearer and not asked and (open_ or row is self._rows[-1]):
                rungs.append((row.model, row.n))
        return rungs

    def _decision(
        self, query: Query, rule: Rule | None, cause: Cause, arm: Arm | Candidate, gap: float | None,
        match: float | None, cost: float, reference_cost: float, candidates: tuple[Candidate, ...],
    ) -> Decision:  # fmt: skip
        return Decision(
            model=arm.model,
            n=arm.n,
            cause=cause,
            rule=None if rule is None else rule.name,
            gap=gap,
            match_probability=match,
            expected_cost=cost,
            reference_cost=reference_cost,
            candidates=candidates,
            policy=self.digest,
            query_id=query.id,
        )

    def _weigh(
        self, row: _Row, query: Query, rule: Rule | None, forecast: Forecast | None, without: Cause | None
    ) -> Candidate:
        limit = self.policy.max_gap if row.max_gap is None else row.max_gap
        if rule is not None and rule.max_gap is not None:
            limit = rule.max_gap
        gap, match = self._gap_and_match(row.model.name, row.n, forecast)
        why_not = self._why_not(row, query, rule, gap, limit, without)
        cost = self._cost(row.model, row.n, query, forecast)
        return Candidate(row.model.name, row.n, gap, match, cost, limit, why_not is None, why_not)

    def _why_not(
        self,
        row: _Row,
        query: Query,
        rule: Rule | None,
        gap: float | None,
        limit: float,
        without: Cause | None,
    ) -> str | None:
        if rule is not None and rule.route is not None:
            return None if (row.model.name, row.n) == (rule.route.model, rule.route.n) else "a rule decided"
        if row is self._rows[-1]:
            return None
        if rule is not None and rule.exclude is not None and row.model.name in rule.exclude:
            return f"excluded by rule {rule.name!r}"
        obstacle = self._obstacle(row.model, query)
        if obstacle is not None:
            return obstacle
        if gap is not None and without == "abstain":
            return "the query is unlike those that the router model was trained on"
        if gap is None:
            return _NO_FORECAST.get(without or "", "the router model has not learned this class or n")
        return None if gap <= limit else f"gap {gap:.3f} is above {limit:g}"

    def _obstacle(self, model: Model, query: Query) -> str | None:
        """Why a model cannot take a request at all: its window or its capabilities."""
        missing = query.needs.difference(model.capabilities)
        if missing:
            return f"cannot take {' and '.join(sorted(missing))}"
        if model.context_window is None:
            return None
        needed = query.input_tokens + self.policy.sampling.max_tokens
        return None if needed <= model.context_window else f"needs {needed} tokens of {model.context_window}"

    def _gap_and_match(
        self, name: str, n: int, forecast: Forecast | None
    ) -> tuple[float | None, float | None]:
        column, reference = self._columns.get(self._models[name].column), self._reference_column
        if forecast is None or column is None or reference is None or n > self._max_n:
            return None, None
        if name == self._reference.name and n == 1:
            return 0.0, 1.0
        gap = float(forecast.quality[reference, 0]) - float(forecast.quality[column, n - 1])
        return gap, float(forecast.match[column, n - 1]) if self._matches else None

    def _cost(self, model: Model, n: int, query: Query, forecast: Forecast | None) -> float:
        """Expected US$, from the predicted output tokens of the class or their mean, at most max_tokens."""
        tokens = self._mean_tokens if forecast is None else forecast.output_tokens
        column = self._columns.get(model.column)
        expected = float(tokens[column]) if column is not None else float(tokens.mean())
        return model.cost(n, query.input_tokens, min(expected, self.policy.sampling.max_tokens))


_NO_FORECAST = {
    "abstain": "there is no text to predict from",
    "fallback": "the router model failed",
}
