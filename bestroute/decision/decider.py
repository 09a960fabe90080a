"""Decider: from a prediction to an arm. Pure arithmetic on one policy; no model, no clock, no network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from bestroute.artefacts.manifest import Manifest
from bestroute.artefacts.predictor import columns_of, mixed
from bestroute.decision.against import Against
from bestroute.decision.candidate import ONLY_A_GUESS, Candidate, Cause, Forecast, Objection, arm_of
from bestroute.decision.decision import Decision
from bestroute.decision.health import WELL, Health
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
        self._against = Against(policy, self.holding, self._rows[-1])

    def at(self, setting: float, rule: Rule | None) -> tuple[Decider, Rule | None]:
        """The same, and the rule that a query matches, where the dial of that query stands elsewhere: the
        rule's own where it has one, else the policy's."""
        if rule is None or rule.objective is None:
            return Decider(self.policy.at(setting), self._manifest), rule
        return self, rule.model_copy(update={rule.objective.key: setting})

    def rule_for(self, query: Query) -> Rule | None:
        """The first rule that matches and, where it routes, whose models can take the request."""

        def can_serve(rule: Rule) -> bool:
            return rule.route is None or self._against.obstacle(self._row(rule.route), query) is None

        return first_match(self.policy.rules, query, can_serve)

    def decide(
        self, query: Query, rule: Rule | None, forecast: Forecast | None, without: Cause | None = None,
        health: Health | None = None,
    ) -> Decision:  # fmt: skip
        """The arm for a query.

        `forecast` is None where a rule routes, or where there is none to be had; then `without` says why
        (`abstain` or `fallback`) and the reference answers. So it does where the forecast itself says that
        the query is too novel to trust it, unless the policy says `abstain: false`; then still where the dial
        lets nothing be lost. Tiers that `health` speaks against are passed over, the reference only where the
        policy lets another answer in its place (`fallback: any`).
        """
        novel = self._novel(forecast)
        if novel and self.policy.abstain:
            without = "abstain"
        reference_cost = self._cost(self._reference_row, query, forecast)
        bound = self._against.binds(query, rule)
        candidates = tuple(
            self._weigh(row, query, rule, forecast, without, reference_cost, novel, bound, health or WELL)
            for row in self._rows
        )
        if rule is not None and rule.route is not None:
            row = self._row(rule.route)
            _, gap, match = self._predicted(row, forecast)
            cost = self._cost(row, query, forecast)
            return self._decision(
                query, rule, "rule", row.arm, gap, match, cost, reference_cost, candidates, novel, health
            )  # fmt: skip
        if not any(candidate.eligible for candidate in candidates):
            if bound and not any(self.open_tiers(query, rule)):
                return self._as_bound(query, rule, forecast, reference_cost, candidates, novel, health)
            candidates = self._with_last_able(candidates, query, rule, health or WELL)
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
            reference_cost, candidates, novel, health, stays,
        )  # fmt: skip

    def _as_bound(
        self, query: Query, rule: Rule | None, forecast: Forecast | None, reference_cost: float,
        candidates: tuple[Candidate, ...], novel: bool | None, health: Health | None,
    ) -> Decision:  # fmt: skip
        """One response of the model that must go on, which no tier asks alone."""
        holder = self.holding.holder(query)
        assert holder is not None
        row = self._row(Arm(model=holder.name))
        _, gap, match = self._predicted(row, forecast)
        cause: Cause = "reference" if holder.name == self._reference.name else "tier"
        return self._decision(
            query, rule, cause, row.arm, gap, match, self._cost(row, query, forecast), reference_cost,
            candidates, novel, health, self.holding.bond(query),
        )  # fmt: skip

    def ladder(self, decision: Decision, query: Query, rule: Rule | None) -> list[Arm]:
        """The decided arm, then what to ask if it does not answer: tiers of other models within the dial that
        cost no more, dearer tiers, at last the reference. With `fallback: none` there is nothing else.

        Tiers that may not or cannot take the query, and further arms of a model that failed, are left out.
        """
        rungs = [decision.arm]
        if self.policy.sampling.fallback == "none":
            return rungs
        weighed = list(zip(self._rows, decision.candidates, strict=True))
        most = decision.expected_cost
        as_good = [row for row, one in weighed if one.eligible and one.expected_cost <= most]
        dearer = [row for row, one in weighed if one.expected_cost > most or row is self._rows[-1]]
        return self._others(rungs, [*as_good, *dearer], query, rule)

    def spare(self, rungs: Sequence[Arm], query: Query, rule: Rule | None) -> list[Arm]:
        """What may answer where all of these failed though the dial would not take it, the dearest first;
        nothing but with `fallback: any`."""
        if self.policy.sampling.fallback != "any":
            return []
        return self._others(rungs, self._rows[::-1], query, rule)[len(rungs) :]

    def _others(
        self, rungs: Sequence[Arm], rows: Iterable[Row], query: Query, rule: Rule | None
    ) -> list[Arm]:
        """The arms, and those of further rows that may be asked and share no model with any before."""
        found, asked = list(rungs), {name for arm in rungs for name in arm.models}
        bound = self._against.binds(query, rule)
        for row in rows:
            if asked.isdisjoint(row.arm.models) and self._may_follow(row, query, rule, bound):
                found.append(row.arm)
                asked |= set(row.arm.models)
        return found

    def _may_follow(self, row: Row, query: Query, rule: Rule | None, bound: bool) -> bool:
        if row is self._rows[-1]:
            return self._against.beyond_reference(query) is None
        return self._against.at_all(row, query, rule, bound) is None

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
        bound = self._against.binds(query, rule)
        return [self._against.at_all(row, query, rule, bound) is None for row in self._rows]

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

    def _decision(
        self, query: Query, rule: Rule | None, cause: Cause, arm: Arm | Candidate, gap: float | None,
        match: float | None, cost: float, reference_cost: float, candidates: tuple[Candidate, ...],
        novel: bool | None, health: Health | None, stays: str | None = None,
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
            health=health,
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
        self, candidates: tuple[Candidate, ...], query: Query, rule: Rule | None, health: Health
    ) -> tuple[Candidate, ...]:
        """With the last tier that can take the request eligible, where the reference cannot or is passed
        over, if there is one that is not passed over itself; InputError where none can."""
        open_ = self.open_tiers(query, rule)
        able = [at for at, row in enumerate(self._rows) if open_[at] and row.no_better is None]
        if not able:
            raise InputError(self._against.nobody(self._rows, query, rule))
        well = [at for at in able if self._against.health(self._rows[at], query, rule, health) is None]
        chosen = (well or able)[-1]
        last = replace(candidates[chosen], eligible=True, why_not=None, objection=None)
        return (*candidates[:chosen], last, *candidates[chosen + 1 :])

    def _weigh(
        self, row: Row, query: Query, rule: Rule | None, forecast: Forecast | None, without: Cause | None,
        reference_cost: float, novel: bool | None, bound: bool, health: Health,
    ) -> Candidate:  # fmt: skip
        objective = self._objective_of(row, rule)
        quality, gap, match = self._predicted(row, forecast)
        cost, arm = self._cost(row, query, forecast), row.arm
        offer = None if gap is None else Offer(gap, match, cost, reference_cost)
        against = self._against.before_the_dial(row, query, rule, gap is not None, without, bound, health)
        dial_decides = against is None and row is not self._rows[-1] and (rule is None or rule.route is None)
        too_far = self._too_far(row, objective, offer, novel) if dial_decides and offer is not None else None
        kind, words = against or too_far or (None, None)
        limits = objective.limits(gap, cost, reference_cost)
        return Candidate(
            arm.model, arm.n, dict(arm.models), quality, gap, match, cost, limits.max_gap, words is None,
            words, too_far is not None, None, limits.min_match, limits.total_cost, row.taught, kind,
        )  # fmt: skip

    def _too_far(
        self, row: Row, objective: AnyObjective, offer: Offer, novel: bool | None
    ) -> Objection | None:
        """What the dial has against an arm. Of a guess one thing is sure: the reference loses nothing."""
        if novel and not objective.allows_loss(offer) and list(row.arm.models) != [self._reference.name]:
            return Objection("guess", ONLY_A_GUESS)
        why_not = objective.why_not(offer)
        if why_not is None:
            return None
        return Objection("dial", why_not if row.taught else f"{why_not}, as of the largest n that was taught")

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
        written = model.written(expected, self._against.longest(query), self._manifest.adapted)
        return model.cost(n, query.input_tokens, written, self.holding.cached(model, query))
