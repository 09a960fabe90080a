"""Plan: which tiers are worth trying, in which order, by expected cost. Pure arithmetic.

A tier is tried only if the chance that it suffices is worth its price: with the best way from there on
worth V, trying first is worth c + loss + (1 - chance) * V, where `loss` is what is expected to be lost by
keeping its response, in US$. What suffices is a gap within the dial or, where a quality point has a price,
any that loses less than V (optimal stopping). The last tier, the reference, always suffices and loses
nothing. Chances are taken as independent of one another; after every step the rest is planned anew, on what
the step showed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bestroute.policy.arms import Arm


@dataclass(frozen=True, slots=True)
class Option:
    """A tier that may be tried: its arm, and the chance that its gap after will fit.

    `gap`: what keeping its response is expected to lose, chance times gap, in quality points (below 0: it is
    expected to be better than the reference's). `rate`: what a quality point counts, in US$.
    """

    arm: Arm
    chance: float
    gap: float = 0.0
    rate: float = 0.0

    def kept(self, otherwise: float) -> tuple[float, float]:
        """Chance, and chance times gap, where going on is worth `otherwise` (US$)."""
        return self.chance, self.gap


@dataclass(frozen=True, slots=True)
class Gamble:
    """A tier that may be tried, whose response is kept where it loses less than going on costs.

    `outcomes`: what may come, each with its probability and gap after, in quality points. `rate`: what a
    quality point costs, in US$.
    """

    arm: Arm
    outcomes: tuple[tuple[float, float], ...]
    rate: float

    def kept(self, otherwise: float) -> tuple[float, float]:
        """Chance, and chance times gap, where going on is worth `otherwise` (US$)."""
        kept = [(chance, gap) for chance, gap in self.outcomes if self.rate * gap <= otherwise]
        return sum(chance for chance, _ in kept), sum(chance * gap for chance, gap in kept)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a plan.

    `arm`: all the responses that will be there of its models. `chance`: that it suffices. `cost`: US$ it
    adds. `reached`: the probability that it is asked at all, as it was planned.
    """

    arm: Arm
    chance: float
    cost: float
    reached: float

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "arm": self.arm.label,
            "chance": self.chance,
            "cost": self.cost,
            "reached": self.reached,
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """The tiers worth trying, in order; each is asked only if those before it did not suffice.

    `worth`: cost and loss still to be expected, in US$. `gap`: what is expected to be lost by keeping the
    response of a tier before the last, in quality points.
    """

    steps: tuple[Step, ...]
    worth: float = 0.0
    gap: float = 0.0

    @property
    def expected_cost(self) -> float:
        """US$ still to be spent."""
        return sum(step.cost * step.reached for step in self.steps)

    @property
    def expected_calls(self) -> float:
        """Sequential rounds of asking still to come; an arm's responses are asked at once."""
        return sum(step.reached for step in self.steps)


Price = Callable[[Arm, Arm | None], float]


def best_plan(options: Sequence[Option | Gamble], price: Price) -> Plan:
    """The plan of least cost and loss over options in order of trial, the last of which is always in it.

    `price(arm, before)`: US$ that asking `arm` adds where `before` is the last arm that was tried in this
    plan (None: none was). Of plans that cost alike the shorter is taken.
    """
    known: dict[tuple[int, int], tuple[float, int]] = {}

    def rest(at: int, before: int) -> tuple[float, int]:
        """Cost and loss of the best way from options[at] on, and the option it tries first."""
        if (at, before) not in known:
            cost = price(options[at].arm, options[before].arm if before >= 0 else None)
            if at == len(options) - 1:
                known[at, before] = cost, at
            else:
                skipped = rest(at + 1, before)
                onward = rest(at + 1, at)[0]
                chance, gap = options[at].kept(onward)
                tried = cost + options[at].rate * gap + (1 - chance) * onward
                known[at, before] = (tried, at) if tried < skipped[0] else skipped
        return known[at, before]

    steps: list[Step] = []
    at, before, reached, lost = 0, -1, 1.0, 0.0
    while at < len(options):
        _, at = rest(at, before)
        option = options[at]
        chance, gap = (1.0, 0.0) if at == len(options) - 1 else option.kept(rest(at + 1, at)[0])
        cost = price(option.arm, options[before].arm if before >= 0 else None)
        steps.append(Step(option.arm, chance, cost, reached))
        lost += reached * gap
        reached *= 1 - chance
        at, before = at + 1, at
    return Plan(tuple(steps), rest(0, -1)[0], lost)
