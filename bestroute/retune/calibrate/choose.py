"""The aims there are: each tries the settings of the dial from the safest on, and gives one or says why there
is none.

The dials that are tried are fixed beforehand. Were they taken from the gaps of the very queries that
choose, the promise would no longer be exact.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import floor, log10
from typing import Any

import numpy as np
from typing_extensions import Self

from bestroute.errors import InputError
from bestroute.retune.calibrate.aim import Choice, Places, Refusal, Verdict
from bestroute.retune.calibrate.bound import Floats, lost, p_value, queries_needed
from bestroute.retune.calibrate.trials import Outcome, Trials

_ROUNDING = 1e-9
UNMOVED = (
    "Rules, tiers with a dial of their own and queries unlike those of training do not follow the dial; "
    "`bestroute dry-run` counts them, and `abstain: false` in the policy lets it decide the last"
)
"""Why a dial may not reach what is aimed at."""
_NOTHING_SAVED = (
    "no dial costs less than always asking the reference; `bestroute dry-run` tells why the reference answers"
)


@dataclass(frozen=True)
class MaxDrop:
    """At most this share of the reference's mean quality is lost (0.01 is 1 %), with this confidence.

    Fixed-sequence testing (arXiv 2110.01052, section 3.2): dials are tested from the safest on until one
    cannot be promised; that a dial which breaks the promise is among those before has probability
    1 - confidence at most, whether or not the loss rises along them. So any of them may be taken: the
    cheapest on these queries, of several the safest. Where several families of dials are tested, each takes
    its share of that probability, and any dial of any family may be taken.
    """

    drop: float
    confidence: float = 0.95
    families: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.drop < 1:
            raise InputError("a drop lies above 0 % and below 100 %; no sample can promise a drop of nothing")
        if not 0 < self.confidence < 1:
            raise InputError("a confidence lies between 0 and 1, both excluded; 0.95 is usual")

    needs_labels = True

    @property
    def words(self) -> str:
        """`drop at most 1 % with 95 % confidence`."""
        return f"drop at most {100 * self.drop:g} % with {100 * self.confidence:g} % confidence"

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {"max_drop": self.drop, "confidence": self.confidence}

    def choose(self, trials: Trials, dials: Sequence[float] | None = None) -> Verdict:
        """Choose the cheapest dial that can be promised, of those from the safest on."""
        promised: list[Outcome] = []
        rest = iter(_dials(trials, dials))
        for dial in rest:
            outcome = trials.at(dial)
            if self.p_value(outcome, trials) > self._error:
                tried = len(promised) + 1
                return self._cheapest(promised, trials, tried) or self._refuse(outcome, rest, trials, tried)
            promised.append(outcome)
        tried = len(promised)
        return self._cheapest(promised, trials, tried) or Refusal(_NOTHING_SAVED, tried)

    def shared(self, families: int) -> MaxDrop:
        """With a part of the error for each."""
        return replace(self, families=families)

    def gain(self, outcome: Outcome, trials: Trials) -> Floats:
        """The saving."""
        saved: Floats = (trials.reference_cost - outcome.cost) / (trials.reference_cost.mean() or 1.0)
        return saved

    def worth(self, outcomes: Iterable[Outcome], trials: Trials, places: Places) -> Floats:
        """The saving of the cheapest that can be promised."""
        going, worth = np.arange(len(places)), np.zeros(len(places))
        for outcome in outcomes:
            lost = self._lost(outcome, trials)[places[going]]
            going = going[p_value(lost, self.drop, self._error) <= self._error]
            saved = self.gain(outcome, trials)[places[going]].mean(axis=1)
            worth[going] = np.maximum(worth[going], saved)
            if not len(going):
                break
        return worth

    def p_value(self, outcome: Outcome, trials: Trials) -> float:
        """The p-value of "this setting loses more"."""
        return float(p_value(self._lost(outcome, trials), self.drop, self._error))

    @property
    def _error(self) -> float:
        return (1 - self.confidence) / self.families

    def _lost(self, outcome: Outcome, trials: Trials) -> Any:
        assert outcome.quality is not None
        assert trials.reference_quality is not None
        return lost(trials.reference_quality, outcome.quality, self.drop)

    def _cheapest(self, promised: Sequence[Outcome], trials: Trials, tried: int) -> Choice | None:
        """The cheapest dial, None where no one saves anything."""
        saving = [outcome for outcome in promised if _saves(outcome, trials)]
        if not saving:
            return None
        return Choice(min(saving, key=lambda outcome: float(outcome.cost.mean())), tried)

    def _refuse(self, failed: Outcome, rest: Iterable[float], trials: Trials, tried: int) -> Refusal:
        """Say what stands between the first dial that failed and the first that would save something."""
        needed = 0
        outcome: Outcome | None = failed
        further = iter(rest)
        while outcome is not None:
            values = self._lost(outcome, trials)
            queries = queries_needed(values, self.drop, self._error)
            if queries is None:
                return self._spoken_against(outcome, trials, tried)
            needed = max(needed, queries)
            if _saves(outcome, trials):
                break
            dial = next(further, None)
            outcome = None if dial is None else trials.at(dial)
        if outcome is None:
            return Refusal(_NOTHING_SAVED, tried)
        records = rough(2 * max(needed, len(trials) + 1))  # half of them choose
        why = (
            f"the {len(trials):,} queries that choose are too few to promise: {self.words}. "
            f"About {records:,} judged records would do, of which half choose; "
            "or allow a larger drop or a lower confidence"
        )
        return Refusal(why, tried, records)

    def _spoken_against(self, outcome: Outcome, trials: Trials, tried: int) -> Refusal:
        assert outcome.quality is not None
        assert trials.reference_quality is not None
        reference = float(trials.reference_quality.mean())
        if reference == 0:
            return Refusal(
                "the reference's quality is 0 on every query that chooses; check the scores", tried
            )
        dropped = 1 - float(outcome.quality.mean()) / reference
        return Refusal(
            f"no dial can be promised to keep: {self.words}. At {_told(outcome.dial, trials)} the drop is "
            f"{100 * dropped:.2g} % already, on the {len(trials):,} queries that choose",
            tried,
        )


class Within(ABC):
    """The safest dial at which the mean of what is bounded keeps within the bound."""

    needs_labels = False

    def choose(self, trials: Trials, dials: Sequence[float] | None = None) -> Verdict:
        """Choose the safest dial within."""
        means = []
        for dial in _dials(trials, dials):
            outcome = trials.at(dial)
            means.append((float(self._bounded(outcome, trials).mean()), dial))
            if means[-1][0] <= self._most:
                return Choice(outcome, len(means))
        least, dial = min(means)
        return Refusal(f"{self._why_none(least, _told(dial, trials))}. {UNMOVED}", len(means))

    def shared(self, families: int) -> Self:
        """The same: nothing is promised."""
        return self

    def gain(self, outcome: Outcome, trials: Trials) -> Floats:
        """The quality."""
        assert outcome.quality is not None
        return outcome.quality

    def worth(self, outcomes: Iterable[Outcome], trials: Trials, places: Places) -> Floats:
        """The quality of the safest within, for each resample."""
        open_, worth = np.ones(len(places), bool), np.zeros(len(places))
        for outcome in outcomes:
            here = open_ & (self._bounded(outcome, trials)[places].mean(axis=1) <= self._most)
            worth[here] = self.gain(outcome, trials)[places[here]].mean(axis=1)
            open_ &= ~here
            if not open_.any():
                break
        return worth

    @property
    @abstractmethod
    def bound(self) -> float:
        """The largest mean of what is bounded."""

    @property
    @abstractmethod
    def figure(self) -> str:
        """What is bounded, as `held_out.figures` calls it."""

    @property
    @abstractmethod
    def _most(self) -> float:
        """The bound, with room for rounding."""

    @abstractmethod
    def _bounded(self, outcome: Outcome, trials: Trials) -> Floats:
        """What is bounded, query by query."""

    @abstractmethod
    def _why_none(self, least: float, at: str) -> str:
        """Why there is none, where the least mean is that of the dial `at`."""


@dataclass(frozen=True)
class Budget(Within):
    """A query costs at most so many US$ on average: the safest dial that keeps to it."""

    dollars: float

    def __post_init__(self) -> None:
        if not 0 < self.dollars < float("inf"):
            raise InputError("a budget is a number of US$ above 0")

    @property
    def words(self) -> str:
        """`at most $0.0004 a query ($0.4 per 1,000)`."""
        return f"at most ${self.dollars:g} a query (${1000 * self.dollars:g} per 1,000)"

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {"budget": self.dollars}

    figure = "cost"

    @property
    def bound(self) -> float:
        """US$ a query."""
        return self.dollars

    @property
    def _most(self) -> float:
        return self.dollars * (1 + _ROUNDING)

    def _bounded(self, outcome: Outcome, trials: Trials) -> Floats:
        return outcome.cost

    def _why_none(self, least: float, at: str) -> str:
        return f"no dial costs {self.words}: the cheapest, {at}, costs ${least:.4g} a query"


@dataclass(frozen=True)
class ReferenceShare(Within):
    """The reference answers at most this share of queries: the safest dial that keeps to it."""

    share: float

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise InputError("a share lies between 0 % and 100 %")

    @property
    def words(self) -> str:
        """`the reference answers at most 30 %`."""
        return f"the reference answers at most {100 * self.share:g} %"

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {"reference_share": self.share}

    figure = "reference_share"

    @property
    def bound(self) -> float:
        """The share."""
        return self.share

    @property
    def _most(self) -> float:
        return self.share + _ROUNDING

    def _bounded(self, outcome: Outcome, trials: Trials) -> Floats:
        return _by_reference(outcome, trials)

    def _why_none(self, least: float, at: str) -> str:
        return f"at no dial {self.words}: the least is {100 * least:.3g} %, at {at}"


def _dials(trials: Trials, dials: Sequence[float] | None) -> Sequence[float]:
    return trials.objective.grid if dials is None else dials


def _told(dial: float, trials: Trials) -> str:
    """`max_gap 0.1`."""
    return f"{trials.objective.key} {dial:g}"


def reference_share(outcome: Outcome, trials: Trials) -> float:
    """The share of queries that the reference alone answers."""
    return float(_by_reference(outcome, trials).mean())


def _by_reference(outcome: Outcome, trials: Trials) -> Floats:
    reference = trials.arms[-1].models.keys()
    own = [arm.models.keys() == reference for arm in trials.arms]
    by: Floats = outcome.shares[:, own].sum(axis=1)
    return by


def _saves(outcome: Outcome, trials: Trials) -> bool:
    return bool(outcome.cost.mean() < trials.reference_cost.mean() * (1 - _ROUNDING))


def rough(count: int) -> int:
    """The number with two significant digits, rounded up."""
    unit = int(10 ** max(0, floor(log10(count)) - 1))
    return -(-count // unit) * unit
