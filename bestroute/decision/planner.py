"""Planner: the dial asked twice. What to ask next for one query, by what is there already.

Without `escalate` the decided arm answers, in one go or, with `stop_early`, a part of it first. With it every
tier may be tried, and the reference, whose response is always taken, stands last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from bestroute.artefacts.posterior import Evidence, Outlook, Posterior
from bestroute.decision import (
    TOO_DEAR,
    Cause,
    Decider,
    Decision,
    Forecast,
)
from bestroute.decision.decision import changed
from bestroute.decision.health import WELL, Health
from bestroute.decision.order import Asked, Order, Try
from bestroute.decision.plan import Gamble, Option, Plan, Price, Step, best_plan
from bestroute.decision.told import as_planned
from bestroute.policy.arms import Arm
from bestroute.policy.objective import LEAST_DIAL, CostPerPoint
from bestroute.policy.rules import Rule
from bestroute.query import Query, Session


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


NO_TIMES: Mapping[str, float] = {}


class Planner:
    """Plans for one policy. What was worked out for the latest query is kept at hand.

    `posterior` is needed where its sampling escalates or stops early.
    """

    def __init__(self, decider: Decider, posterior: Posterior | None) -> None:
        self.decider = decider
        self._order = Order(decider)
        self._sampling = decider.policy.sampling
        self._posterior = posterior
        self._reference = Arm(model=decider.policy.reference)
        self._start = Standing(money_left=self._sampling.max_cost)

    def decide(
        self, query: Query, rule: Rule | None, forecast: Forecast | None, without: Cause | None = None,
        health: Health | None = None, timings_ms: Mapping[str, float] = NO_TIMES,
    ) -> Decision:  # fmt: skip
        """The decision, with its plan, what that is expected to cost and to lose, and in how many rounds of
        asking. Models that cool down by `health` are passed over where another may answer. `timings_ms` go
        with it as they are, for whoever still counts."""
        decision = self.decider.decide(query, rule, forecast, without, health)
        if health is not None and health.against(decision.models) is not None:
            decision = self._passed_over(Asked(query, rule, forecast, decision))
        again = partial(self._again, query, rule, forecast, without, health)
        further = partial(self._further, query, rule, forecast)
        if not self._sampling.plans and self._sampling.max_cost is None:  # one step, and nothing to weigh
            only = Step(decision.arm, 1.0, decision.expected_cost, 1.0)
            lost = self._lost_by(decision.arm, decision.gap)
            return changed(
                decision, plan=(only,), expected_gap=lost, again=again, further=further, timings_ms=timings_ms
            )
        asked = Asked(query, rule, forecast, decision)
        plan = self.plan(asked, self._start)
        if self._order.escalates(decision):
            decision = self._as_planned(asked, plan)
        elif decision.arm not in [step.arm for step in plan.steps]:
            decision = self._as_affordable(asked, plan.steps[0].arm)
        return changed(
            decision,
            plan=plan.steps,
            expected_cost=plan.expected_cost,
            expected_calls=plan.expected_calls,
            expected_gap=self._expected_gap(plan, forecast),
            again=again,
            further=further,
            timings_ms=timings_ms,
        )

    def _again(
        self, query: Query, rule: Rule | None, forecast: Forecast | None, without: Cause | None,
        health: Health | None, setting: float,
    ) -> Decision:  # fmt: skip
        """The decision, had the dial of the query stood elsewhere."""
        decider, rule = self.decider.at(setting, rule)
        return Planner(decider, self._posterior).decide(query, rule, forecast, without, health)

    def _further(
        self, query: Query, rule: Rule | None, forecast: Forecast | None, decision: Decision
    ) -> tuple[Arm, ...]:
        """What would be asked where all that is planned failed."""
        planned = {name for step in decision.plan for name in step.arm.models}
        order = self.order(Asked(query, rule, forecast, decision))
        return tuple(one.arm for one in order if not planned.issuperset(one.arm.models))

    def _passed_over(self, asked: Asked) -> Decision:
        """The decision with what would be asked next, where that is well: the decided arm cools down."""
        health, first = asked.decision.health or WELL, self.order(asked)[0].arm
        if health.against(first.models) is not None:
            return asked.decision
        cost, cause = self._order.price(asked, first, {}), asked.decision.cause
        decision = replace(self._with_arm(asked, first), expected_cost=cost)
        return replace(decision, cause=cause) if cause in ("abstain", "fallback") else decision

    def plan(self, asked: Asked, standing: Standing) -> Plan:
        """The steps that are worth taking from here on; none where nothing is left that may be asked."""
        if standing != self._start:
            return self._planned(asked, standing)
        plans = self._order.at(asked).plans
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
        latest = self._order.at(asked).tries
        for known, tries in latest:
            if known is standing:
                return tries
        found = self._worth_trying(asked, standing)
        latest[:] = [(standing, found)]
        return found

    def _worth_trying(self, asked: Asked, standing: Standing) -> list[Try]:
        price, found = self._price(asked, standing), []
        for one in self.order(asked):
            if one.place <= standing.tried or not self._open(one, standing):
                continue
            if one.spare and standing.there:
                break
            if standing.money_left is None or price(one.arm, None) <= standing.money_left:
                found.append(one)
            if one.max_gap is None:
                break
        if not found and standing.tried < 0 and not standing.failed:
            order = self.order(asked)  # no budget is small enough for no answer
            if self._order.escalates(asked.decision) and len(order) > 1:
                found = sorted(order, key=lambda one: price(one.arm, None))[:1]
            else:
                most = standing.money_left or 0.0
                arm = self.decider.affordable(asked.decision, asked.query, asked.rule, most)
                found = [Try(len(order), arm, None)]
        return found[-1:] if standing.in_haste else found

    def order(self, asked: Asked) -> list[Try]:
        """Everything that may be asked for a query, in order of trial."""
        return self._order.of(asked)

    def price(self, asked: Asked, arm: Arm, there: Mapping[str, int]) -> float:
        """Expected US$ of asking for those responses of an arm that are not there."""
        return self._order.price(asked, arm, there)

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

    def _open(self, one: Try, standing: Standing) -> bool:
        adds = any(n > standing.there.get(model, 0) for model, n in one.arm.parts)
        return adds and not standing.failed.intersection(model for model, _ in one.arm.parts)

    def _price(self, asked: Asked, standing: Standing) -> Price:
        def price(arm: Arm, before: Arm | None) -> float:
            there = dict(standing.there)
            for model, n in before.parts if before else ():
                there[model] = max(n, there.get(model, 0))
            return self._order.price(asked, arm, there)

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
            as_planned(one, chances, taken, limits.get(one.arm, one.max_gap)) for one in decision.candidates
        )
        return replace(self._with_arm(asked, first), candidates=candidates)

    def _as_affordable(self, asked: Asked, arm: Arm) -> Decision:
        """The decision with this arm, since the decided one costs too much; an abstention stays one."""
        most = self._sampling.max_cost or 0.0
        candidates = tuple(
            replace(one, eligible=False, why_not=TOO_DEAR, objection="cost")
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
