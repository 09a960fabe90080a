"""Objectives: what the dial of a policy means, and so which tier serves.

`max_gap` bounds what a query may be expected to lose, `min_match` how surely it loses nothing,
`cost_per_point` says what quality is worth. The first two take the first tier within; the third the one
whose cost and loss together are least.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil, floor, isfinite
from operator import ge, gt, le, lt
from typing import Annotated, ClassVar, NamedTuple, TypeAlias

from pydantic import Field, FiniteFloat
from typing_extensions import Self

Gap = Annotated[FiniteFloat, Field(ge=-1, le=1)]
Match = Annotated[FiniteFloat, Field(ge=0, le=1)]
PointPrice = Annotated[FiniteFloat, Field(ge=0)]

LEAST_DIAL = 0.05  # below it a quality point is worth no more
MOST = 1.0  # quality points there are, and so the largest gap


class Offer(NamedTuple):
    """What a tier offers for one query: predicted `gap` (quality points) and `match` probability, None where
    that cannot be told; expected `cost` and `reference_cost` in US$.
    """

    gap: float
    match: float | None
    cost: float
    reference_cost: float


class Limits(NamedTuple):
    """What a table shows of a dial beside a tier.

    `max_gap`: the largest gap at which it would still do, None where that is not a matter of gaps;
    `min_match` it must reach; `total_cost` US$ with what its gap is worth. None where the dial does not ask.
    """

    max_gap: float | None = None
    min_match: float | None = None
    total_cost: float | None = None


@dataclass(frozen=True, slots=True)
class Objective(ABC):
    """What the dial means. `setting` is where it stands."""

    setting: float
    key: ClassVar[str]
    """The key in the policy."""
    grid: ClassVar[tuple[float, ...]]
    """Settings fixed beforehand, from the safest, which loses least, to the loosest."""
    passed_over: ClassVar[str]
    """Why a tier within does not serve where another does."""

    def at(self, setting: float) -> Self:
        """The same, set otherwise."""
        return type(self)(setting)

    def as_dict(self) -> dict[str, float]:
        """The setting by its key, as in the policy."""
        return {self.key: self.setting}

    @abstractmethod
    def limits(self, gap: float | None, cost: float, reference_cost: float) -> Limits:
        """What a table shows beside a tier. US$."""

    @abstractmethod
    def within(self, offer: Offer) -> bool:
        """Whether the dial has nothing against a tier."""

    @abstractmethod
    def why_not(self, offer: Offer) -> str | None:
        """What the dial has against a tier; None where it is within."""

    @abstractmethod
    def allows_loss(self, offer: Offer) -> bool:
        """Whether a tier may be expected to lose something; where not, a guess is not enough to take it."""

    @abstractmethod
    def distance(self, offer: Offer) -> float:
        """How far a tier is from being within, for comparing tiers; 0 and below is within."""

    @abstractmethod
    def choose(self, within: Sequence[Offer]) -> int:
        """Index of the tier that serves, of those within, in order of trial."""

    @abstractmethod
    def why(self, offer: Offer) -> str:
        """Why the chosen tier was chosen."""

    @abstractmethod
    def instead(self, affordable: Sequence[Offer]) -> int:
        """Index of the tier that serves where the chosen one costs too much, of those that do not."""

    @abstractmethod
    def allows(self, offer: Offer, keep: float) -> bool:
        """Whether a tier is within, were `keep` more lost: quality points, or as much match probability."""

    @abstractmethod
    def gain(self, held: Offer, other: Offer) -> float:
        """US$ by which another tier is better than the one that holds the conversation."""

    @abstractmethod
    def point(self, reference_cost: float) -> float:
        """US$ that a quality point is worth, as the dial has it."""

    @abstractmethod
    def edge(self, offer: Offer) -> float | None:
        """The setting at which a tier is just within; None where there is none."""

    @abstractmethod
    def edges(self, offers: Sequence[Offer]) -> Iterable[float]:
        """Settings about which the choice among tiers may change, each rounded to either side."""


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


AnyObjective: TypeAlias = MaxGap | MinMatch | CostPerPoint
OBJECTIVES: dict[str, type[AnyObjective]] = {one.key: one for one in (MaxGap, MinMatch, CostPerPoint)}
"""Every objective by its key in the policy."""


def objective_of(holder: object) -> AnyObjective | None:
    """The objective that one of the holder's attributes sets; None where none does."""
    for key, kind in OBJECTIVES.items():
        setting = getattr(holder, key, None)
        if setting is not None:
            return kind(setting)
    return None


class NotOne(ValueError):
    """Of some keys not exactly one is there; `given` are those that are."""

    def __init__(self, names: Sequence[str], given: Sequence[str]) -> None:
        has = " and ".join(given) or "none"
        super().__init__(f"needs exactly one of {', '.join(names[:-1])} and {names[-1]}; this has {has}")
        self.given = tuple(given)


def exactly_one(names: Sequence[str], given: Sequence[str]) -> None:
    """Raise NotOne, saying what was given, unless it is one of the names."""
    if len(given) != 1:
        raise NotOne(names, given)


def _told(value: float, holds: Callable[[float, float], bool], limit: float) -> str:
    """A number with three decimals, or as many as it takes for what is said of it and a limit to hold."""
    texts = (f"{value:.{digits}f}" for digits in range(3, 17))
    return next((text for text in texts if holds(float(text), float(f"{limit:g}"))), repr(value))


def _within(values: Iterable[float], low: float, high: float) -> Iterable[float]:
    return (value for value in values if low <= value <= high)
