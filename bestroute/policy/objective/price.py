"""`cost_per_point`: the tier whose cost and loss together are least serves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import isfinite

from bestroute.policy.objective.dial import MOST, Limits, Objective, Offer


@dataclass(frozen=True, slots=True)
class CostPerPoint(Objective):
    """A whole quality point is worth so many US$: the tier whose cost and gap at that price are least serves.

    No other choice among the same tiers is predicted to lose less at the same mean cost (Lagrange).
    """

    key = "cost_per_point"
    passed_over = "another comes to less"
    grid = tuple(float(f"{10 ** (tenths / 10):.2g}") for tenths in range(20, -61, -1)) + (0.0,)

    def total(self, offer: Offer) -> float:
        """US$: expected cost, and what the gap is worth."""
        return offer.cost + self.setting * offer.gap

    def limits(self, gap: float | None, cost: float, reference_cost: float) -> Limits:
        """The gap at which the reference would do as well, and what cost and gap come to."""
        total = None if gap is None else cost + self.setting * gap
        return Limits(max_gap=self.worth(reference_cost - cost), total_cost=total)

    def worth(self, dollars: float) -> float:
        """Quality points that so many US$ pay for, between -1 and 1."""
        if abs(dollars) >= self.setting * MOST:
            return MOST if dollars >= 0 else -MOST
        return dollars / self.setting

    def within(self, offer: Offer) -> bool:
        """Cost and gap together are not above what the reference costs."""
        return self.total(offer) <= offer.reference_cost

    def why_not(self, offer: Offer) -> str | None:
        """Cost and gap together, where they are above what the reference costs."""
        total = self.total(offer)
        if self.within(offer):
            return None
        return f"with its gap it comes to ${total:.3g}, above the reference's ${offer.reference_cost:.3g}"

    def allows_loss(self, offer: Offer) -> bool:
        """Where it costs less than the reference, and so has something to pay a loss with."""
        return offer.cost < offer.reference_cost

    def distance(self, offer: Offer) -> float:
        """US$."""
        return self.total(offer) - offer.reference_cost

    def allows(self, offer: Offer, keep: float) -> bool:
        """By what cost and gap come to, less what those points are worth."""
        return self.distance(offer) <= keep * self.setting

    def gain(self, held: Offer, other: Offer) -> float:
        """What cost and gap come to less."""
        return self.total(held) - self.total(other)

    def point(self, reference_cost: float) -> float:
        """The dial."""
        return self.setting

    def choose(self, within: Sequence[Offer]) -> int:
        """The least, of several the first."""
        return min(range(len(within)), key=lambda index: self.total(within[index]))

    def instead(self, affordable: Sequence[Offer]) -> int:
        """The least of them too."""
        return self.choose(affordable)

    def why(self, offer: Offer) -> str:
        """What cost and gap come to."""
        return f"with its gap it comes to ${self.total(offer):.3g}, the least"

    def edge(self, offer: Offer) -> float | None:
        """The price at which it comes to what the reference does."""
        return _price_between(offer, Offer(0.0, None, offer.reference_cost, offer.reference_cost))

    def edges(self, offers: Sequence[Offer]) -> Iterable[float]:
        """Every price at which two tiers come to the same, to three digits and a little to either side."""
        for one, other in combinations(offers, 2):
            price = _price_between(one, other)
            if price is not None:
                yield from (float(f"{price * 0.995:.3g}"), float(f"{price * 1.005:.3g}"))


def _price_between(one: Offer, other: Offer) -> float | None:
    """US$ a quality point at which two tiers come to the same; None where one is never dearer."""
    if one.gap == other.gap:
        return None
    price = (other.cost - one.cost) / (one.gap - other.gap)
    return price if isfinite(price) and price >= 0 else None
