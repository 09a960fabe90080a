"""Weighed: an arm held against one query, in numbers. Words are made of them when somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from bestroute.decision.candidate import ONLY_A_GUESS, Candidate, Objection
from bestroute.decision.row import Row
from bestroute.later import Later
from bestroute.policy.arms import Arm
from bestroute.policy.objective import AnyObjective, Offer


class Weighed(NamedTuple):
    """An arm as it was weighed for one query.

    `offer` is None where its gap cannot be told. `objection`: what stands against it before the dial is
    asked. `too_far`: what the dial has against it, `guess` or `dial`. `spared`: it may answer all the same.
    """

    row: Row
    quality: float | None
    cost: float
    reference_cost: float
    offer: Offer | None
    objective: AnyObjective
    objection: Objection | None
    too_far: Literal["dial", "guess"] | None = None
    spared: bool = False

    @property
    def arm(self) -> Arm:
        """The arm."""
        return self.row.arm

    @property
    def eligible(self) -> bool:
        """Whether nothing stands in its way."""
        return self.spared or (self.objection is None and self.too_far is None)


def in_words(weigh: Callable[[], Sequence[Weighed]]) -> Later[Candidate]:
    """Tiers as they were weighed, put into words when somebody looks at them."""
    return Later(lambda: map(_candidate, weigh()))


def _candidate(one: Weighed) -> Candidate:
    row, offer = one.row, one.offer
    gap, match = (None, None) if offer is None else offer[:2]
    limits = one.objective.limits(gap, one.cost, one.reference_cost)
    kind, words = (None, None) if one.eligible else one.objection or _words(one) or (None, None)
    return Candidate(
        row.arm.model, row.arm.n, dict(row.arm.models), one.quality, gap, match, one.cost, limits.max_gap,
        one.eligible, words, one.too_far is not None, None, limits.min_match, limits.total_cost, row.taught,
        kind,
    )  # fmt: skip


def _words(one: Weighed) -> Objection | None:
    """What the dial has against an arm, in words."""
    if one.too_far is None or one.offer is None:
        return None
    if one.too_far == "guess":
        return Objection("guess", ONLY_A_GUESS)
    why_not = one.objective.why_not(one.offer) or ""
    return Objection("dial", why_not if one.row.taught else f"{why_not}, as of the largest n that was taught")
