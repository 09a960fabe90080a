"""`max_gap` and `min_match`: the first tier within the dial serves."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor
from operator import ge, gt, le, lt

from bestroute.policy.objective.dial import MOST, Limits, Objective, Offer

LEAST_DIAL = 0.05  # below it a quality point is worth no more


class _First(Objective):
    """The first tier within the dial serves."""

    __slots__ = ()
    passed_over = "a tier before it serves"

    def choose(self, within: Sequence[Offer]) -> int:
        """The first."""
        return 0

    def instead(self, affordable: Sequence[Offer]) -> int:
        """The last, the most that may be spent."""
        return len(affordable) - 1

    def allows(self, offer: Offer, keep: float) -> bool:
        """By how far it is from the dial."""
        return self.distance(offer) <= keep

    def gain(self, held: Offer, other: Offer) -> float:
        """What it costs less: both are within the dial."""
        return held.cost - other.cost

    def point(self, reference_cost: float) -> float:
        """What the dial gives up is worth the reference's cost, that being what it is given up for."""
        return reference_cost / max(self._given_up, LEAST_DIAL)

    @property
    @abstractmethod
    def _given_up(self) -> float:
        """Quality points, or match probability, that the dial lets go."""


@dataclass(frozen=True, slots=True)
class MaxGap(_First):
    """At most so many quality points may be expected to be lost."""

    key = "max_gap"
    grid = tuple(part / 100 for part in (-100, -50, -30, -20, -15, *range(-10, 51), *range(55, 101, 5)))

    def limits(self, gap: float | None, cost: float, reference_cost: float) -> Limits:
        """The dial."""
        return Limits(max_gap=self.setting)

    def within(self, offer: Offer) -> bool:
        """The gap is not above the dial."""
        return offer.gap <= self.setting

    def why_not(self, offer: Offer) -> str | None:
        """The gap, where it is above the dial."""
        if self.within(offer):
            return None
        return f"gap {_told(offer.gap, gt, self.setting)} is above {self.setting:g}"

    def allows_loss(self, offer: Offer) -> bool:
        """Above 0."""
        return self.setting > 0

    def distance(self, offer: Offer) -> float:
        """Quality points."""
        return offer.gap - self.setting

    @property
    def _given_up(self) -> float:
        return self.setting

    def why(self, offer: Offer) -> str:
        """The gap beside the dial."""
        return f"gap {_told(offer.gap, le, self.setting)} is within {self.setting:g}"

    def edge(self, offer: Offer) -> float:
        """The gap."""
        return offer.gap

    def edges(self, offers: Sequence[Offer]) -> Iterable[float]:
        """Every gap, to three decimals: enough for it, and too little."""
        for offer in offers:
            up = ceil(offer.gap * 1000)
            yield from _within((up / 1000, (up - 1) / 1000), -MOST, MOST)


@dataclass(frozen=True, slots=True)
class MinMatch(_First):
    """At least so probable it must be that nothing is lost: BEST-Route's own threshold (arXiv 2506.22716,
    Algorithm 1)."""

    key = "min_match"
    grid = tuple(part / 100 for part in range(100, -1, -1))

    def limits(self, gap: float | None, cost: float, reference_cost: float) -> Limits:
        """The dial."""
        return Limits(min_match=self.setting)

    def within(self, offer: Offer) -> bool:
        """The match probability is known, and not below the dial."""
        return offer.match is not None and offer.match >= self.setting

    def why_not(self, offer: Offer) -> str | None:
        """The match probability, where it is below the dial."""
        if offer.match is None:
            return "the router model's match is with another reference"
        if self.within(offer):
            return None
        return f"match {_told(offer.match, lt, self.setting)} is below {self.setting:g}"

    def allows_loss(self, offer: Offer) -> bool:
        """Below 1."""
        return self.setting < 1

    def distance(self, offer: Offer) -> float:
        """Probability."""
        return self.setting - (offer.match or 0.0)

    @property
    def _given_up(self) -> float:
        return 1 - self.setting

    def why(self, offer: Offer) -> str:
        """The match probability beside the dial."""
        return f"match {_told(offer.match or 0.0, ge, self.setting)} is at least {self.setting:g}"

    def edge(self, offer: Offer) -> float | None:
        """The match probability."""
        return offer.match

    def edges(self, offers: Sequence[Offer]) -> Iterable[float]:
        """Every match probability, to three decimals: little enough for it, and too much."""
        for offer in offers:
            if offer.match is not None:
                down = floor(offer.match * 1000)
                yield from _within((down / 1000, (down + 1) / 1000), 0.0, 1.0)


def _told(value: float, holds: Callable[[float, float], bool], limit: float) -> str:
    """A number with three decimals, or as many as it takes for what is said of it and a limit to hold."""
    texts = (f"{value:.{digits}f}" for digits in range(3, 17))
    return next((text for text in texts if holds(float(text), float(f"{limit:g}"))), repr(value))


def _within(values: Iterable[float], low: float, high: float) -> Iterable[float]:
    return (value for value in values if low <= value <= high)
