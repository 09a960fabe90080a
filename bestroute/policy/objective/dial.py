"""What every dial must answer of the tiers that it chooses among."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from typing_extensions import Self

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
