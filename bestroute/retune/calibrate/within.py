"""Aims without a promise: the safest dial that keeps within a budget, or within a share of the reference."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from typing_extensions import Self

from bestroute.errors import InputError
from bestroute.retune.calibrate.aim import ROUNDING, Choice, Places, Refusal, Verdict, named
from bestroute.retune.calibrate.bound import Floats
from bestroute.retune.calibrate.trials import Outcome, Trials

UNMOVED = (
    "Rules, tiers with a dial of their own and queries unlike those of training do not follow the dial; "
    "`bestroute dry-run` counts them, and `abstain: false` in the policy lets it decide the last"
)
"""Why a dial may not reach what is aimed at."""


class Within(ABC):
    """The safest dial at which the mean of what is bounded keeps within the bound."""

    needs_labels = False

    def choose(self, trials: Trials, dials: Sequence[float] | None = None) -> Verdict:
        """Choose the safest dial within."""
        means = []
        for dial in trials.objective.grid if dials is None else dials:
            outcome = trials.at(dial)
            means.append((float(self._bounded(outcome, trials).mean()), dial))
            if means[-1][0] <= self._most:
                return Choice(outcome, len(means))
        least, dial = min(means)
        return Refusal(f"{self._why_none(least, named(dial, trials))}. {UNMOVED}", len(means))

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
        return self.dollars * (1 + ROUNDING)

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
        return self.share + ROUNDING

    def _bounded(self, outcome: Outcome, trials: Trials) -> Floats:
        return _by_reference(outcome, trials)

    def _why_none(self, least: float, at: str) -> str:
        return f"at no dial {self.words}: the least is {100 * least:.3g} %, at {at}"


def reference_share(outcome: Outcome, trials: Trials) -> float:
    """The share of queries that the reference alone answers."""
    return float(_by_reference(outcome, trials).mean())


def _by_reference(outcome: Outcome, trials: Trials) -> Floats:
    reference = trials.arms[-1].models.keys()
    own = [arm.models.keys() == reference for arm in trials.arms]
    by: Floats = outcome.shares[:, own].sum(axis=1)
    return by
