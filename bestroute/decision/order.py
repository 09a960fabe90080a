"""Order: everything that may be asked for one query, in order of trial."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bestroute.decision.candidate import BY_FORECAST, Candidate, Forecast, WhyNot
from bestroute.decision.decider import Decider
from bestroute.decision.decision import Decision
from bestroute.decision.holding import WORTH
from bestroute.decision.plan import Plan
from bestroute.policy.arms import Arm
from bestroute.policy.objective import CostPerPoint
from bestroute.policy.rules import Rule
from bestroute.query import Query

NOT_TO_BE_JUDGED: tuple[WhyNot, ...] = ("cooling", "guess", "late")
"""Objections that no response can refute."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A query with what was decided for it, and by what."""

    query: Query
    rule: Rule | None
    forecast: Forecast | None
    decision: Decision


@dataclass(frozen=True, slots=True)
class Try:
    """An arm that may be asked: its place in the order of trial, and the largest gap after that it may have.

    `max_gap` is None for one whose response is taken whatever its gap: the reference, or the arm of one shot.
    `spare`: it is asked only where all before it failed and nothing is there.
    """

    place: int
    arm: Arm
    max_gap: float | None
    spare: bool = False


@dataclass(frozen=True, slots=True)
class Desk:
    """What was worked out for one query: the order of trial, prices, the plan from the start, and what may be
    asked next, with how far the query had come then."""

    asked: Asked
    order: list[Try] = field(default_factory=list)
    prices: dict[tuple[str, int], float] = field(default_factory=dict)
    plans: list[Plan] = field(default_factory=list)
    tries: list[tuple[object, list[Try]]] = field(default_factory=list)


class Order:
    """What a policy lets be asked for one query after another. What was worked out for the latest is kept at
    hand."""

    def __init__(self, decider: Decider) -> None:
        self.decider = decider
        self._sampling = decider.policy.sampling
        self._desk: Desk | None = None

    def at(self, asked: Asked) -> Desk:
        """What was worked out for a query so far."""
        desk = self._desk
        if desk is None or desk.asked is not asked:
            desk = self._desk = Desk(asked)
        return desk

    def of(self, asked: Asked) -> list[Try]:
        """Everything that may be asked for a query, in order of trial; what cools down stands last."""
        order = self.at(asked).order
        if not order:
            order += self._tries(asked)
        return order

    def _tries(self, asked: Asked) -> list[Try]:
        escalates = self.escalates(asked.decision)
        found = self._tiers(asked) if escalates else self._rungs(asked)
        arms = [*found, *self.decider.spare(list(found), asked.query, asked.rule)]
        health = asked.decision.health
        if health is not None and self._sampling.fallback != "none":
            arms.sort(key=lambda arm: health.against(arm.models) is not None)
        return [Try(place, arm, found.get(arm), arm not in found) for place, arm in enumerate(arms)]

    def _tiers(self, asked: Asked) -> dict[Arm, float | None]:
        """Every tier that may be tried with the largest gap after that it may have, the reference last."""
        found: dict[Arm, float | None] = {}  # a part of one tier may be another: asked once
        *tiers, reference = asked.decision.candidates
        open_tiers = self.decider.open_tiers(asked.query, asked.rule)
        for tier, open_ in list(zip(tiers, open_tiers, strict=False))[_first(asked.decision) :]:
            known = tier.gap is not None and tier.objection not in NOT_TO_BE_JUDGED
            if open_ and known and reference.model not in tier.models:
                for arm in (*self._parts_of(tier.arm, asked), tier.arm):
                    found.setdefault(arm, self._limit(tier, asked))
        last = reference.arm if reference.eligible else [asked.decision.arm, *found][-1]
        found.pop(last, None)
        found[last] = None
        return found

    def _rungs(self, asked: Asked) -> dict[Arm, float | None]:
        """The decided arm, a part of it before it where that may do, and what follows where it fails."""
        cost = self.price(asked, asked.decision.arm, {})  # all of it, whatever is planned
        arm, *further = self.decider.ladder(asked.decision, asked.query, asked.rule, cost)
        weighed = [one for one in asked.decision.candidates if one.arm == arm]
        found: dict[Arm, float | None] = {
            part: self._limit(weighed[0], asked) for part in self._parts_of(arm, asked) if weighed
        }
        return found | dict.fromkeys((arm, *further))

    def price(self, asked: Asked, arm: Arm, there: Mapping[str, int]) -> float:
        """Expected US$ of asking for those responses of an arm that are not there."""
        prices, total = self.at(asked).prices, 0.0
        for model, n in arm.parts:
            more = n - there.get(model, 0)
            if more > 0:
                if (model, more) not in prices:
                    prices[model, more] = self.decider.cost(model, more, asked.query, asked.forecast)
                total += prices[model, more]
        return total

    def escalates(self, decision: Decision) -> bool:
        """Whether the dial is asked again of what comes."""
        bound = decision.session is not None and decision.session.stays not in (None, WORTH)
        return self._sampling.escalate and decision.cause in BY_FORECAST and not bound

    def _limit(self, tier: Candidate, asked: Asked) -> float:
        """The gap after that a tier may have; where a quality point has a price, what is spent is spent, and
        only the reference's cost can be saved."""
        objective = asked.decision.objective
        if isinstance(objective, CostPerPoint):
            return objective.worth(asked.decision.reference_cost)
        assert tier.max_gap is not None  # min_match is not asked twice
        return tier.max_gap

    def _parts_of(self, arm: Arm, asked: Asked) -> Iterable[Arm]:
        """Smaller arms that may be asked first."""
        judged = asked.forecast is not None and asked.decision.cause in BY_FORECAST
        for n in self._sampling.parts_of(arm.n) if judged and len(arm.parts) == 1 else ():
            yield Arm(model=arm.model, n=n)


def _first(decision: Decision) -> int:
    """The place of the first tier that may be asked: where the conversation stays, the decided one, of which
    a part may be asked first."""
    if decision.session is None or decision.session.stays is None:
        return 0
    places = enumerate(decision.candidates)
    return next(
        at for at, one in places if one.models.keys() == decision.models.keys() and one.n >= decision.n
    )
