"""Decider: from a prediction to an arm. Pure arithmetic on one policy; no model, no clock, no network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from bestroute.artefacts.manifest import Manifest
from bestroute.decision.candidate import Candidate, Cause, Forecast, asks_only
from bestroute.decision.decision import Decision
from bestroute.decision.health import WELL, Health
from bestroute.decision.holding import WORTH
from bestroute.decision.row import Row
from bestroute.decision.weighed import Weighed, in_words
from bestroute.decision.weighing import Circumstances, Scales
from bestroute.errors import InputError
from bestroute.policy import Policy
from bestroute.policy.arms import Arm
from bestroute.policy.objective import AnyObjective
from bestroute.policy.rules import Rule, first_match
from bestroute.query import Query


class Decider:
    """Weighs the tiers of one policy for one query after another. Immutable."""

    def __init__(self, policy: Policy, manifest: Manifest) -> None:
        self.policy = policy
        self.digest = policy.digest
        self._manifest = manifest
        self._scales = Scales(policy, manifest)
        self._rows = self._scales.rows
        self._against = self._scales.against
        self.holding = self._scales.holding

    def at(self, setting: float, rule: Rule | None) -> tuple[Decider, Rule | None]:
        """The same, and the rule that a query matches, where the dial of that query stands elsewhere: the
        rule's own where it has one, else the policy's."""
        if rule is None or rule.objective is None:
            return Decider(self.policy.at(setting), self._manifest), rule
        return self, rule.model_copy(update={rule.objective.key: setting})

    def rule_for(self, query: Query) -> Rule | None:
        """The first rule that matches and, where it routes, whose models can take the request."""

        def can_serve(rule: Rule) -> bool:
            return rule.route is None or self._against.obstacle(self._scales.row(rule.route), query) is None

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
        bound = self._against.binds(query, rule)
        reference_cost = self._scales.cost(self._scales.reference, query, forecast)
        by = Circumstances(query, rule, forecast, without, novel, bound, health, reference_cost)
        if rule is not None and rule.route is not None:  # what tiers offer is nobody's concern yet
            everything = in_words(partial(self._scales.weighed, by))
            return self._of_row(self._scales.row(rule.route), "rule", by, everything)
        weighed = self._scales.weighed(by)
        if not any(one.eligible for one in weighed):
            if bound and not any(self.open_tiers(query, rule)):
                return self._as_bound(by, weighed)
            weighed = self._with_last_able(weighed, by)
        chosen, stays = self._choose(weighed, rule), None
        if bound:
            stays = self.holding.bond(query)
        elif without is None and query.session is not None:
            held = self.holding.staying(chosen, weighed, query, self.objective(rule))
            if held is not None:
                weighed, stays, chosen = self.holding.kept(held, weighed, query), WORTH, held
        cause = without or self._cause_of(chosen.arm)
        gap, match = (None, None) if chosen.offer is None else chosen.offer[:2]
        return self._decision(
            by, cause, chosen.arm, gap, match, chosen.cost, in_words(lambda: weighed), stays
        )

    def _as_bound(self, by: Circumstances, weighed: list[Weighed]) -> Decision:
        """One response of the model that must go on, which no tier asks alone."""
        holder = self.holding.holder(by.query)
        assert holder is not None
        row = self._scales.row(Arm(model=holder.name))
        stays = self.holding.bond(by.query)
        return self._of_row(row, self._cause_of(row.arm), by, in_words(lambda: weighed), stays)

    def _of_row(
        self,
        row: Row,
        cause: Cause,
        by: Circumstances,
        candidates: Sequence[Candidate],
        stays: str | None = None,
    ) -> Decision:
        """The decision for an arm that need not be among the tiers."""
        _, gap, match = self._scales.predicted(row, by.forecast)
        cost = self._scales.cost(row, by.query, by.forecast)
        return self._decision(by, cause, row.arm, gap, match, cost, candidates, stays)

    def _cause_of(self, arm: Arm) -> Cause:
        return "reference" if asks_only(arm, self.policy.reference) else "tier"

    def ladder(self, decision: Decision, query: Query, rule: Rule | None, cost: float) -> list[Arm]:
        """The decided arm, which costs so many US$, then what to ask if it does not answer: tiers of other
        models within the dial that cost no more, dearer tiers, at last the reference. With `fallback: none`
        there is nothing else.

        Tiers that may not or cannot take the query, and further arms of a model that failed, are left out.
        """
        rungs = [decision.arm]
        if self.policy.sampling.fallback == "none":
            return rungs
        weighed = list(zip(self._rows, decision.candidates, strict=True))
        as_good = [row for row, one in weighed if one.eligible and one.expected_cost <= cost]
        dearer = [row for row, one in weighed if one.expected_cost > cost or row is self._rows[-1]]
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
        return self._scales.prior(name, forecast)

    def cost(self, name: str, n: int, query: Query, forecast: Forecast | None) -> float:
        """Expected US$ of n responses of a model."""
        return self._scales.cost_of(name, n, query, forecast)

    def gap_and_match(self, arm: Arm, forecast: Forecast | None) -> tuple[float | None, float | None]:
        """Predicted gap and match probability of an arm; None where they cannot be had."""
        return self._scales.predicted(self._scales.row(arm), forecast)[1:]

    def objective(self, rule: Rule | None) -> AnyObjective:
        """The dial of a query that this rule matches: the rule's, else the policy's."""
        return self._scales.objective(rule)

    def _novel(self, forecast: Forecast | None) -> bool | None:
        """Whether a forecast is a guess; None where the router model cannot tell."""
        if forecast is None:
            return False
        most = self._manifest.max_novelty
        return None if most is None else forecast.novelty > most

    def _decision(
        self, by: Circumstances, cause: Cause, arm: Arm, gap: float | None, match: float | None, cost: float,
        candidates: Sequence[Candidate], stays: str | None,
    ) -> Decision:  # fmt: skip
        return Decision(
            model=arm.model,
            n=arm.n,
            models=dict(arm.models),
            cause=cause,
            rule=None if by.rule is None else by.rule.name,
            gap=gap,
            match_probability=match,
            expected_cost=cost,
            reference_cost=by.reference_cost,
            candidates=candidates,
            policy=self.digest,
            objective=self.objective(by.rule),
            novel=by.novel,
            query_id=by.query.id,
            session=self.holding.after(arm, by.query, stays),
            health=by.health,
            asked=by.query,
            rules=self.policy.rules,
        )

    def _choose(self, weighed: Sequence[Weighed], rule: Rule | None) -> Weighed:
        eligible = [one for one in weighed if one.eligible]
        known = [(one, one.offer) for one in eligible if one.offer is not None]
        if not known:
            return eligible[0]
        return known[self.objective(rule).choose([offer for _, offer in known])][0]

    def _with_last_able(self, weighed: list[Weighed], by: Circumstances) -> list[Weighed]:
        """With the last tier that can take the request eligible, where the reference cannot or is passed
        over, if there is one that is not passed over itself; InputError where none can."""
        open_ = self.open_tiers(by.query, by.rule)
        able = [at for at, row in enumerate(self._rows) if open_[at] and row.no_better is None]
        if not able:
            raise InputError(self._against.nobody(self._rows, by.query, by.rule))
        well = [
            at
            for at in able
            if self._against.health(self._rows[at], by.query, by.rule, by.health or WELL) is None
        ]
        chosen = (well or able)[-1]
        return [one._replace(spared=True) if at == chosen else one for at, one in enumerate(weighed)]
