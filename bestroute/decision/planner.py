"""Planner: the dial asked twice. What to ask next for one query, by what is there already.

Without `escalate` the decided arm answers, in one go or, with `stop_early`, a part of it first. With it every
tier may be tried, and the reference, whose response is always taken, stands last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from bestroute.artefacts.posterior import Evidence, Outlook, Posterior
from bestroute.decision import (
    BY_FORECAST,
    ONLY_A_GUESS,
    TOO_DEAR,
    Candidate,
    Cause,
    Decider,
    Decision,
    Forecast,
)
from bestroute.decision.holding import WORTH
from bestroute.decision.plan import Gamble, Option, Plan, Price, Step, best_plan
from bestroute.policy.arms import Arm
from bestroute.policy.objective import LEAST_DIAL, CostPerPoint
from bestroute.policy.rules import Rule
from bestroute.query import Query, Session


@dataclass(frozen=True, slots=True)
class Asked:
    """A query with what was decided for it, and by what."""

    query: Query
    rule: Rule | None
    forecast: Forecast | None
    decision: Decision


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a query has come.

    `there`: usable responses by model. `evidence` is what they show (None: there are none). `tried`: the
    place of the last arm that was asked, -1 for none. `failed`: models that gave nothing. `money_left`: US$,
    None for no bound. `in_haste`: there is time for one more step only.
    """

    there: Mapping[str, int] = field(default_factory=dict)
    evidence: Evidence | None = None
    tried: int = -1
    failed: frozenset[str] = frozenset()
    money_left: float | None = None
    in_haste: bool = False


@dataclass(frozen=True, slots=True)
class Try:
    """An arm that may be asked: its place in the order of trial, and the largest gap after that it may have.

    `max_gap` is None for one whose response is taken whatever its gap: the reference, or the arm of one shot.
    """

    place: int
    arm: Arm
    max_gap: float | None


@dataclass(frozen=True, slots=True)
class _Desk:
    """What was worked out for one query: the order of trial, prices, and the plan from the start."""

    asked: Asked
    order: list[Try] = field(default_factory=list)
    prices: dict[tuple[str, int], float] = field(default_factory=dict)
    plans: list[Plan] = field(default_factory=list)


class Planner:
    """Plans for one policy. What was worked out for the latest query is kept at hand.

    `posterior` is needed where its sampling escalates or stops early.
    """

    def __init__(self, decider: Decider, posterior: Posterior | None) -> None:
        self.decider = decider
        self._sampling = decider.policy.sampling
        self._posterior = posterior
        self._reference = Arm(model=decider.policy.reference)
        self._start = Standing(money_left=self._sampling.max_cost)
        self._desk: _Desk | None = None

    def decide(
        self, query: Query, rule: Rule | None, forecast: Forecast | None, without: Cause | None = None
    ) -> Decision:
        """The decision, with its plan, what that is expected to cost and to lose, and in how many rounds of
        asking."""
        decision = self.decider.decide(query, rule, forecast, without)
        again = partial(self._again, query, rule, forecast, without)
        if not self._sampling.plans and self._sampling.max_cost is None:  # one step, and nothing to weigh
            only = Step(decision.arm, 1.0, decision.expected_cost, 1.0)
            lost = self._lost_by(decision.arm, decision.gap)
            return replace(decision, plan=(only,), expected_gap=lost, again=again)
        asked = Asked(query, rule, forecast, decision)
        plan = self.plan(asked, self._start)
        if self._escalates(decision):
            decision = self._as_planned(asked, plan)
        elif decision.arm not in [step.arm for step in plan.steps]:
            decision = self._as_affordable(asked, plan.steps[0].arm)
        return replace(
            decision,
            plan=plan.steps,
            expected_cost=plan.expected_cost,
            expected_calls=plan.expected_calls,
            expected_gap=self._expected_gap(plan, forecast),
            again=again,
        )

    def _again(
        self, query: Query, rule: Rule | None, forecast: Forecast | None, without: Cause | None,
        setting: float,
    ) -> Decision:  # fmt: skip
        """The decision, had the dial of the query stood elsewhere."""
        decider, rule = self.decider.at(setting, rule)
        return Planner(decider, self._posterior).decide(query, rule, forecast, without)

    def plan(self, asked: Asked, standing: Standing) -> Plan:
        """The steps that are worth taking from here on; none where nothing is left that may be asked."""
        if standing != self._start:
            return self._planned(asked, standing)
        plans = self._at(asked).plans
        if not plans:
            plans.append(self._planned(asked, standing))
        return plans[0]

    def _planned(self, asked: Asked, standing: Standing) -> Plan:
        tries = self.tries(asked, standing)
        if not tries:
            return Plan(())
        return best_plan(
            [self._option(one, asked, standing) for one in tries],
            self._price(asked, standing),
        )

    def tries(self, asked: Asked, standing: Standing) -> list[Try]:
        """What may be asked next, in order of trial, up to the first whose response is taken in any case."""
        price, found = self._price(asked, standing), []
        for one in self.order(asked):
            if one.place <= standing.tried or not self._open(one, asked, standing):
                continue
            if standing.money_left is None or price(one.arm, None) <= standing.money_left:
                found.append(one)
            if one.max_gap is None:
                break
        if not found and standing.tried < 0 and not standing.failed:
            order = self.order(asked)  # no budget is small enough for no answer
            if self._escalates(asked.decision) and len(order) > 1:
                found = sorted(order, key=lambda one: price(one.arm, None))[:1]
            else:
                most = standing.money_left or 0.0
                arm = self.decider.affordable(asked.decision, asked.query, asked.rule, most)
                found = [Try(len(order), arm, None)]
        return found[-1:] if standing.in_haste else found

    def order(self, asked: Asked) -> list[Try]:
        """Everything that may be asked for a query, in order of trial."""
        order = self._at(asked).order
        if not order:
            order += self._ordered(asked)
        return order

    def _at(self, asked: Asked) -> _Desk:
        desk = self._desk
        if desk is None or desk.asked is not asked:
            desk = self._desk = _Desk(asked)
        return desk

    def _ordered(self, asked: Asked) -> list[Try]:
        found: dict[Arm, float | None] = {}  # a part of one tier may be another: asked once
        if self._escalates(asked.decision):
            *tiers, reference = asked.decision.candidates
            open_tiers = self.decider.open_tiers(asked.query, asked.rule)
            for tier, open_ in list(zip(tiers, open_tiers, strict=False))[_first(asked.decision) :]:
                known = tier.gap is not None and tier.why_not != ONLY_A_GUESS
                if open_ and known and reference.model not in tier.models:
                    for arm in (*self._parts_of(tier.arm, asked), tier.arm):
                        found.setdefault(arm, self._limit(tier, asked))
            last = reference.arm if reference.eligible else [asked.decision.arm, *found][-1]
            found.pop(last, None)
            found[last] = None
        else:
            decided = replace(
                asked.decision, expected_cost=self.price(asked, asked.decision.arm, {})
            )  # all of it, whatever is planned
            arm, *further = self.decider.ladder(decided, asked.query, asked.rule)
            weighed = [one for one in asked.decision.candidates if one.arm == arm]
            found = {part: self._limit(weighed[0], asked) for part in self._parts_of(arm, asked) if weighed}
            found |= dict.fromkeys((arm, *further))
        return [Try(place, arm, max_gap) for place, (arm, max_gap) in enumerate(found.items())]

    def price(self, asked: Asked, arm: Arm, there: Mapping[str, int]) -> float:
        """Expected US$ of asking for those responses of an arm that are not there."""
        prices, total = self._at(asked).prices, 0.0
        for model, n in arm.parts:
            more = n - there.get(model, 0)
            if more > 0:
                if (model, more) not in prices:
                    prices[model, more] = self.decider.cost(model, more, asked.query, asked.forecast)
                total += prices[model, more]
        return total

    def cost_of(self, asked: Asked, query: Query) -> float:
        """Expected US$ of the plan that was decided, at what this query costs."""
        there: dict[str, int] = {}
        total, priced = 0.0, replace(asked, query=query)
        for step in asked.decision.plan:
            total += step.reached * self.price(priced, step.arm, there)
            there |= {model: max(n, there.get(model, 0)) for model, n in step.arm.parts}
        return total

    def max_gap_after(self, one: Try, asked: Asked, standing: Standing) -> float | None:
        """The gap after within which the response of a step that was taken is kept: its own limit or, where a
        quality point has a price, what going on would cost."""
        objective = asked.decision.objective
        if one.max_gap is None or not isinstance(objective, CostPerPoint):
            return one.max_gap
        onward = self.plan(asked, standing)
        return objective.worth(onward.worth) if onward.steps else one.max_gap

    def _limit(self, tier: Candidate, asked: Asked) -> float:
        """The gap after that a tier may have; where a quality point has a price, what is spent is spent, and
        only the reference's cost can be saved."""
        objective = asked.decision.objective
        if isinstance(objective, CostPerPoint):
            return objective.worth(asked.decision.reference_cost)
        assert tier.max_gap is not None  # min_match is not asked twice
        return tier.max_gap

    def _escalates(self, decision: Decision) -> bool:
        bound = decision.session is not None and decision.session.stays not in (None, WORTH)
        return self._sampling.escalate and decision.cause in BY_FORECAST and not bound

    def _parts_of(self, arm: Arm, asked: Asked) -> Iterable[Arm]:
        """Smaller arms that may be asked first: two responses, four, and so on; one shows no agreement."""
        judged = asked.forecast is not None and asked.decision.cause in BY_FORECAST
        if not self._sampling.stop_early or not judged or len(arm.parts) > 1:
            return
        n = 2
        while n < arm.n:
            yield Arm(model=arm.model, n=n)
            n *= 2

    def _open(self, one: Try, asked: Asked, standing: Standing) -> bool:
        adds = any(n > standing.there.get(model, 0) for model, n in one.arm.parts)
        return adds and not standing.failed.intersection(model for model, _ in one.arm.parts)

    def _price(self, asked: Asked, standing: Standing) -> Price:
        def price(arm: Arm, before: Arm | None) -> float:
            there = dict(standing.there)
            for model, n in before.parts if before else ():
                there[model] = max(n, there.get(model, 0))
            return self.price(asked, arm, there)

        return price

    def _option(self, one: Try, asked: Asked, standing: Standing) -> Option | Gamble:
        """A try with its chance; what it would lose counts in money: at the price of a quality point or,
        where there is none, a gap as large as the dial as much as the reference costs, since that is what
        the dial gives up for it.
        """
        if one.max_gap is None:
            return Option(one.arm, 1.0)
        outlook = self._outlook(one.arm, asked, standing)
        if self._posterior is None or outlook is None:
            return Option(one.arm, 0.0)
        objective = asked.decision.objective
        if isinstance(objective, CostPerPoint):
            outcomes = self._posterior.outcomes(outlook)
            return Gamble(one.arm, outcomes, objective.setting)
        chance = self._posterior.chance(outlook, one.max_gap)
        rate = asked.decision.reference_cost / max(one.max_gap, LEAST_DIAL)
        return Option(one.arm, chance.probability, chance.gap, rate)

    def _expected_gap(self, plan: Plan, forecast: Forecast | None) -> float | None:
        """What a plan is expected to lose; its last step's response is kept whatever it is."""
        last = plan.steps[-1]
        gap = self._lost_by(last.arm, self.decider.gap_and_match(last.arm, forecast)[0])
        return None if gap is None else plan.gap + last.reached * gap

    def _lost_by(self, arm: Arm, gap: float | None) -> float | None:
        """The predicted gap of an arm; the reference loses nothing, even where nothing is predicted."""
        return 0.0 if arm == self._reference else gap

    def _outlook(self, arm: Arm, asked: Asked, standing: Standing) -> Outlook | None:
        """What asking an arm would show; None where it cannot be told."""
        if self._posterior is None:
            return None
        forecast, there = asked.forecast, standing.there
        reference = self.decider.prior(self.decider.policy.reference, forecast)
        added = [
            (self.decider.prior(model, forecast), n - there.get(model, 0))
            for model, n in arm.parts
            if n > there.get(model, 0)
        ]
        known = [(prior, more) for prior, more in added if prior is not None]
        if reference is None or len(known) < len(added):
            return None
        return self._posterior.outlook(standing.evidence, reference, known)

    def _as_planned(self, asked: Asked, plan: Plan) -> Decision:
        """The decision with the plan's first arm, and every candidate's chance and place in the plan."""
        decision, first = asked.decision, plan.steps[0].arm
        affordable = {one.arm: one for one in self.tries(asked, self._start)}
        chances = {
            one.arm: self._option(affordable[one.arm], asked, self._start).kept(decision.reference_cost)[0]
            if one.arm in affordable
            else None
            for one in self.order(asked)
        }
        limits = {one.arm: one.max_gap for one in self.order(asked) if one.max_gap is not None}
        taken = {step.arm for step in plan.steps}
        candidates = tuple(
            replace(_as_planned(one, chances, taken), max_gap=limits.get(one.arm, one.max_gap))
            for one in decision.candidates
        )
        return replace(self._with_arm(asked, first), candidates=candidates)

    def _as_affordable(self, asked: Asked, arm: Arm) -> Decision:
        """The decision with this arm, since the decided one costs too much; an abstention stays one."""
        most = self._sampling.max_cost or 0.0
        candidates = tuple(
            replace(one, eligible=False, why_not=TOO_DEAR)
            if one.eligible and one.expected_cost > most
            else one
            for one in asked.decision.candidates
        )
        decision, cause = self._with_arm(asked, arm), asked.decision.cause
        kept = cause if cause in ("abstain", "fallback") else decision.cause
        return replace(decision, candidates=candidates, cause=kept)

    def _with_arm(self, asked: Asked, arm: Arm) -> Decision:
        """The decision with another arm to ask first."""
        gap, match = self.decider.gap_and_match(arm, asked.forecast)
        return replace(
            asked.decision,
            model=arm.model,
            n=arm.n,
            models=dict(arm.parts),
            cause="reference" if list(arm.models) == [self.decider.policy.reference] else "tier",
            gap=gap,
            match_probability=match,
            session=self._session(asked, arm),
        )

    def _session(self, asked: Asked, arm: Arm) -> Session | None:
        """How the conversation stands after another arm: it stays for the same reason, if it does."""
        before, query = asked.decision.session, asked.query
        stays = before.stays if before is not None and self.decider.holding.goes_on(arm, query) else None
        return self.decider.holding.after(arm, query, stays)


def _first(decision: Decision) -> int:
    """The place of the first tier that may be asked: where the conversation stays, the decided one."""
    if decision.session is None or decision.session.stays is None:
        return 0
    return [one.eligible for one in decision.candidates].index(True)


def _as_planned(candidate: Candidate, chances: Mapping[Arm, float | None], taken: set[Arm]) -> Candidate:
    chance = chances.get(candidate.arm)
    if candidate.arm in taken:
        return replace(candidate, eligible=True, why_not=None, chance=chance)
    if candidate.arm not in chances:
        why_not = candidate.why_not or "it asks the reference, which stands last"
        return replace(candidate, eligible=False, why_not=why_not)
    if chance is None:
        why_not = TOO_DEAR
    else:
        why_not = f"its {chance:.0%} chance to suffice is not worth its price and what it may lose"
    return replace(candidate, eligible=False, why_not=why_not, chance=chance)
