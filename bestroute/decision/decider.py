"""Decider: from a prediction to an arm. Pure arithmetic on one policy; no model, no clock, no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bestroute.artefacts.manifest import Manifest
from bestroute.artefacts.predictor import columns_of, mixed
from bestroute.decision.candidate import ONLY_A_GUESS, Candidate, Cause, Forecast, arm_of
from bestroute.decision.decision import Decision
from bestroute.decision.holding import WORTH, Holding
from bestroute.decision.row import Row, no_better
from bestroute.errors import InputError
from bestroute.policy import Policy
from bestroute.policy.arms import Arm, Model
from bestroute.policy.objective import AnyObjective, Offer
from bestroute.policy.rules import Rule, first_match
from bestroute.query import Query


class Decider:
    """Weighs the tiers of one policy for one query after another. Immutable."""

    def __init__(self, policy: Policy, manifest: Manifest) -> None:
        self.policy = policy
        self.digest = policy.digest
        self._models = {model.name: model for model in policy.models}
        self._columns = {name: index for index, name in enumerate(manifest.classes)}
        self._mean_tokens = np.array(manifest.mean_output_tokens, np.float32)
        self._reference = policy.reference_model
        column = self._reference.column_in(manifest.adapted)
        self._reference_column = self._columns.get(column)
        self._matches = column == manifest.reference
        self._manifest = manifest
        self._max_novelty = manifest.max_novelty
        self._objective = policy.objective
        self.holding = Holding(policy)
        rows = [self._row(tier.arm, tier.objective) for tier in policy.tiers]
        self._rows = tuple(replace(row, no_better=no_better(row, rows)) for row in rows)
        self._reference_row = self._row(Arm(model=policy.reference))

    def at(self, setting: float, rule: Rule | None) -> tuple[Decider, Rule | None]:
        """The same, and the rule that a query matches, where the dial of that query stands elsewhere: the
        rule's own where it has one, else the policy's."""
        if rule is None or rule.objective is None:
            return Decider(self.policy.at(setting), self._manifest), rule
        return self, rule.model_copy(update={rule.objective.key: setting})

    def rule_for(self, query: Query) -> Rule | None:
        """The first rule that matches and, where it routes, whose models can take the request."""

        def can_serve(rule: Rule) -> bool:
            return rule.route is None or self._obstacle(self._row(rule.route), query) is None

        return first_match(self.policy.rules, query, can_serve)

    def decide(
        self, query: Query, rule: Rule | None, forecast: Forecast | None, without: Cause | None = None
    ) -> Decision:
        """The arm for a query.

        `forecast` is None where a rule routes, or where there is none to be had; then `without` says why
        (`abstain` or `fallback`) and the reference answers. So it does where the forecast itself says that
        the query is too novel to trust it, unless the policy says `abstain: false`; then still where the dial
        lets nothing be lost.
        """
        novel = self._novel(forecast)
        if novel and self.policy.abstain:
            without = "abstain"
        reference_cost = self._cost(self._reference_row, query, forecast)
        bound = self._is_bound(query, rule)
        candidates = tuple(
            self._weigh(row, query, rule, forecast, without, reference_cost, novel, bound)
            for row in self._rows
        )
        if rule is not None and rule.route is not None:
            row = self._row(rule.route)
            _, gap, match = self._predicted(row, forecast)
            cost = self._cost(row, query, forecast)
            return self._decision(
                query, rule, "rule", row.arm, gap, match, cost, reference_cost, candidates, novel
            )  # fmt: skip
        if not any(candidate.eligible for candidate in candidates):
            if bound and not any(self.open_tiers(query, rule)):
                return self._as_bound(query, rule, forecast, reference_cost, candidates, novel)
            candidates = self._with_last_able(candidates, query, rule)
        chosen, stays = self._choose(candidates, rule, reference_cost), None
        if bound:
            stays = self.holding.bond(query)
        elif without is None and query.session is not None:
            objective = self.objective(rule)
            held = self.holding.staying(chosen, candidates, query, objective, reference_cost)
            if held is not None:
                candidates, stays = self.holding.kept(held, candidates, query), WORTH
                chosen = next(one for one in candidates if one.eligible)
        cause = without or ("reference" if list(chosen.models) == [self._reference.name] else "tier")
        return self._decision(
            query, rule, cause, chosen, chosen.gap, chosen.match_probability, chosen.expected_cost,
            reference_cost, candidates, novel, stays,
        )  # fmt: skip

    def _as_bound(
        self, query: Query, rule: Rule | None, forecast: Forecast | None, reference_cost: float,
        candidates: tuple[Candidate, ...], novel: bool | None,
    ) -> Decision:  # fmt: skip
        """One response of the model that must go on, which no tier asks alone."""
        holder = self.holding.holder(query)
        assert holder is not None
        row = self._row(Arm(model=holder.name))
        _, gap, match = self._predicted(row, forecast)
        cause: Cause = "reference" if holder.name == self._reference.name else "tier"
        return self._decision(
            query, rule, cause, row.arm, gap, match, self._cost(row, query, forecast), reference_cost,
            candidates, novel, self.holding.bond(query),
        )  # fmt: skip

    def _is_bound(self, query: Query, rule: Rule | None) -> bool:
        """Whether only the model that holds the conversation may go on: it has a bond, and the holder may and
        can take the request. What a rule routes or excludes goes before."""
        holder = self.holding.holder(query)
        if holder is None or (rule is not None and (rule.route or holder.name in (rule.exclude or ()))):
            return False
        if self.holding.bond(query) is None:
            return False
        if holder.name == self._reference.name:
            return self._beyond_reference(query) is None
        return self._model_obstacle(holder, query) is None

    def ladder(self, decision: Decision, query: Query, rule: Rule | None) -> list[Arm]:
        """The decided arm, then what to ask if it does not answer: dearer tiers of other models, at last the
        reference.

        Tiers that may not or cannot take the query, and further arms of a model that failed, are left out.
        """
        rungs, asked = [decision.arm], set(decision.models)
        open_ = self.open_tiers(query, rule)
        for row, candidate, may in zip(self._rows, decision.candidates, open_, strict=True):
            last = row is self._rows[-1]
            dearer = candidate.expected_cost > decision.expected_cost or last
            if (
                dearer
                and not asked.intersection(row.arm.models)
                and (self._beyond_reference(query) is None if last else may)
            ):
                rungs.append(row.arm)
                asked |= set(row.arm.models)
        return rungs

    def affordable(self, decision: Decision, query: Query, rule: Rule | None, most: float) -> Arm:
        """What to ask where the decided arm costs more than `most` US$: what the objective takes of the tiers
        that do not, else the cheapest."""
        open_ = self.open_tiers(query, rule)
        tiers = [
            one
            for row, one, may in zip(self._rows, decision.candidates, open_, strict=True)
            if may and row.no_better is None
        ]
        within = [one for one in tiers if one.expected_cost <= most]
        if not within:
            return min(tiers, key=lambda one: one.expected_cost).arm if tiers else decision.arm
        if any(one.gap is None for one in within):
            return within[-1].arm
        offers = [one.offer(decision.reference_cost) for one in within]
        return within[decision.objective.instead(offers)].arm

    def open_tiers(self, query: Query, rule: Rule | None) -> list[bool]:
        """For each tier, whether it may be asked at all, whatever its gap."""
        excluded = (rule.exclude if rule is not None else None) or ()
        bound = self._is_bound(query, rule)
        return [
            self._open(row, query, excluded) and not (bound and self.holding.why_not(row.arm, query))
            for row in self._rows
        ]

    def prior(self, name: str, forecast: Forecast | None) -> float | None:
        """Predicted quality of one response of a model; None where it cannot be had."""
        column = self._column(self._models[name])
        return None if forecast is None or column is None else float(forecast.quality[column, 0])

    def cost(self, name: str, n: int, query: Query, forecast: Forecast | None) -> float:
        """Expected US$ of n responses of a model."""
        return self._model_cost(self._models[name], n, query, forecast)

    def gap_and_match(self, arm: Arm, forecast: Forecast | None) -> tuple[float | None, float | None]:
        """Predicted gap and match probability of an arm; None where they cannot be had."""
        return self._predicted(self._row(arm), forecast)[1:]

    def _row(self, arm: Arm, objective: AnyObjective | None = None) -> Row:
        models = tuple((self._models[name], n) for name, n in arm.parts)
        columns = columns_of(
            ((model.column_in(self._manifest.adapted), n) for model, n in models), self._manifest
        )
        most = min(arm.n, self._manifest.max_n)
        return Row(arm, models, columns, objective, all(part.taught >= most for part in columns or ()))

    def _novel(self, forecast: Forecast | None) -> bool | None:
        """Whether a forecast is a guess; None where the router model cannot tell."""
        if forecast is None:
            return False
        return None if self._max_novelty is None else forecast.novelty > self._max_novelty

    def _column(self, model: Model) -> int | None:
        return self._columns.get(model.column_in(self._manifest.adapted))

    def _open(self, row: Row, query: Query, excluded: Sequence[str]) -> bool:
        return not row.arm.models.keys() & set(excluded) and self._obstacle(row, query) is None

    def _decision(
        self, query: Query, rule: Rule | None, cause: Cause, arm: Arm | Candidate, gap: float | None,
        match: float | None, cost: float, reference_cost: float, candidates: tuple[Candidate, ...],
        novel: bool | None, stays: str | None = None,
    ) -> Decision:  # fmt: skip
        return Decision(
            model=arm.model,
            n=arm.n,
            models=dict(arm.models),
            cause=cause,
            rule=None if rule is None else rule.name,
            gap=gap,
            match_probability=match,
            expected_cost=cost,
            reference_cost=reference_cost,
            candidates=candidates,
            policy=self.digest,
            objective=self.objective(rule),
            novel=novel,
            query_id=query.id,
            session=self.holding.after(arm_of(tuple(arm.models.items())), query, stays),
            asked=query,
            rules=self.policy.rules,
        )

    def objective(self, rule: Rule | None) -> AnyObjective:
        """The dial of a query that this rule matches: the rule's, else the policy's."""
        return (rule.objective if rule is not None else None) or self._objective

    def _objective_of(self, row: Row, rule: Rule | None) -> AnyObjective:
        """The dial of a tier: a rule's goes before the tier's own, which goes before the policy's."""
        return (rule.objective if rule is not None else None) or row.objective or self._objective

    def _choose(self, candidates: Sequence[Candidate], rule: Rule | None, reference_cost: float) -> Candidate:
        eligible = [candidate for candidate in candidates if candidate.eligible]
        known = [candidate for candidate in eligible if candidate.gap is not None]
        if not known:
            return eligible[0]
        return known[self.objective(rule).choose([candidate.offer(reference_cost) for candidate in known])]

    def _with_last_able(
        self, candidates: tuple[Candidate, ...], query: Query, rule: Rule | None
    ) -> tuple[Candidate, ...]:
        """With the last tier that can take the request eligible, where the reference cannot; InputError where
        none can."""
        open_ = self.open_tiers(query, rule)
        able = [at for at, row in enumerate(self._rows) if open_[at] and row.no_better is None]
        if not able:
            raise InputError(self._why_nobody(query, rule))
        last = replace(candidates[able[-1]], eligible=True, why_not=None)
        return (*candidates[: able[-1]], last, *candidates[able[-1] + 1 :])

    def _why_nobody(self, query: Query, rule: Rule | None) -> str:
        excluded = (rule.exclude if rule is not None else None) or ()
        why = {name: f"{name} is excluded" for name in excluded}
        for row in self._rows:
            for model, _ in row.models:
                why.setdefault(model.name, f"{model.name} {self._model_obstacle(model, query)}")
        needed = sorted(_ONLY_WHERE_TOLD & query.needs)
        which = "" if query.id is None else f"query {query.id!r}: "
        return (
            f"{which}no model that may answer can take {' and '.join(needed)}: {'; '.join(why.values())}. "
            f"Where one can, say so: capabilities: [{', '.join(sorted(query.needs))}]"
        )

    def _weigh(
        self, row: Row, query: Query, rule: Rule | None, forecast: Forecast | None, without: Cause | None,
        reference_cost: float, novel: bool | None, bound: bool,
    ) -> Candidate:  # fmt: skip
        objective = self._objective_of(row, rule)
        quality, gap, match = self._predicted(row, forecast)
        cost, arm = self._cost(row, query, forecast), row.arm
        offer = None if gap is None else Offer(gap, match, cost, reference_cost)
        why_not = self._why_not(row, query, rule, gap is not None, without, bound)
        dial_decides = why_not is None and row is not self._rows[-1] and (rule is None or rule.route is None)
        too_far = self._too_far(row, objective, offer, novel) if dial_decides and offer is not None else None
        why_not = why_not or too_far
        limits = objective.limits(gap, cost, reference_cost)
        return Candidate(
            arm.model, arm.n, dict(arm.models), quality, gap, match, cost, limits.max_gap, why_not is None,
            why_not, too_far is not None, None, limits.min_match, limits.total_cost, row.taught,
        )  # fmt: skip

    def _too_far(self, row: Row, objective: AnyObjective, offer: Offer, novel: bool | None) -> str | None:
        """What the dial has against an arm. Of a guess one thing is sure: the reference loses nothing."""
        if novel and not objective.allows_loss(offer) and list(row.arm.models) != [self._reference.name]:
            return ONLY_A_GUESS
        why_not = objective.why_not(offer)
        return why_not if why_not is None or row.taught else f"{why_not}, as of the largest n that was taught"

    def _why_not(
        self, row: Row, query: Query, rule: Rule | None, known: bool, without: Cause | None, bound: bool
    ) -> str | None:
        """What stands against an arm before the dial is asked."""
        if rule is not None and rule.route is not None:
            return None if row.arm.parts == rule.route.parts else "a rule decided"
        if bound and (bond := self.holding.why_not(row.arm, query)) is not None:
            return bond
        if row is self._rows[-1]:
            return self._beyond_reference(query)
        if rule is not None and rule.exclude is not None and row.arm.models.keys() & set(rule.exclude):
            return f"excluded by rule {rule.name!r}"
        obstacle = self._obstacle(row, query)
        if obstacle is not None:
            return obstacle
        if known and without == "abstain":
            return "the query is unlike those that the router model was trained on"
        return row.no_better if known else _NO_FORECAST.get(without or "", _NOT_LEARNED)

    def _beyond_reference(self, query: Query) -> str | None:
        """Why even the reference cannot take a request: somebody must, but most models refuse these."""
        missing = _ONLY_WHERE_TOLD & query.needs.difference(self._reference.capabilities)
        return f"cannot take {' and '.join(sorted(missing))}" if missing else None

    def _obstacle(self, row: Row, query: Query) -> str | None:
        """Why an arm cannot take a request at all: a model's window or capabilities."""
        for model, _ in row.models:
            obstacle = self._model_obstacle(model, query)
            if obstacle is not None:
                return obstacle if len(row.models) == 1 else f"{model.name} {obstacle}"
        return None

    def _model_obstacle(self, model: Model, query: Query) -> str | None:
        missing = query.needs.difference(model.capabilities)
        if missing:
            return f"cannot take {' and '.join(sorted(missing))}"
        if model.context_window is None:
            return None
        needed = query.input_tokens + self._longest(query)
        return None if needed <= model.context_window else f"needs {needed} tokens of {model.context_window}"

    def _predicted(
        self, row: Row, forecast: Forecast | None
    ) -> tuple[float | None, float | None, float | None]:
        """Quality, gap and match probability of an arm; None where they cannot be had."""
        if forecast is None or row.columns is None:
            return None, None, None
        quality = float(mixed(forecast.quality, row.columns, row.arm.n))
        if self._reference_column is None:
            return quality, None, None
        if row.arm.parts == self._reference_row.arm.parts:
            return quality, 0.0, 1.0
        gap = float(forecast.quality[self._reference_column, 0]) - quality
        match = float(mixed(forecast.match, row.columns, row.arm.n)) if self._matches else None
        return quality, gap, match

    def _cost(self, row: Row, query: Query, forecast: Forecast | None) -> float:
        return sum(self._model_cost(model, n, query, forecast) for model, n in row.models)

    def _model_cost(self, model: Model, n: int, query: Query, forecast: Forecast | None) -> float:
        """Expected US$, from the predicted output tokens of the class or their mean, at most max_tokens, and
        the model's thinking."""
        tokens = self._mean_tokens if forecast is None else forecast.output_tokens
        column = self._column(model)
        expected = float(tokens[column]) if column is not None else float(tokens.mean())
        written = model.written(expected, self._longest(query), self._manifest.adapted)
        return model.cost(n, query.input_tokens, written, self.holding.cached(model, query))

    def _longest(self, query: Query) -> int:
        """Tokens of the longest response: as the request says, else as the policy does."""
        return query.max_tokens or self.policy.sampling.max_tokens


_ONLY_WHERE_TOLD = frozenset({"audio", "file", "video"})
_NOT_LEARNED = "the router model has not learned this class or n"
_NO_FORECAST = {
    "abstain": "there is no text to predict from",
    "fallback": "the router model failed",
}
