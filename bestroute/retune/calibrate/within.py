"""Aims without a promise: the safest dial that keeps to a budget, or to a share of a model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from typing_extensions import Self

from bestroute.errors import InputError
from bestroute.policy import Policy
from bestroute.retune.calibrate.aim import ROUNDING, Choice, Places, Refusal, Verdict, named
from bestroute.retune.calibrate.bound import Floats
from bestroute.retune.calibrate.trials import Outcome, Trials

UNMOVED = (
    "Rules, tiers with a dial of their own and queries unlike those of training do not follow the dial; "
    "`bestroute dry-run` counts them, and `abstain: false` in the policy lets it decide the last"
)
"""Why a dial may not reach what is aimed at."""


class Within(ABC):
    """The safest dial at which the mean of what is bounded keeps within the bound: no more than it, or, with
    `at_least`, no less."""

    needs_labels = False
    at_least = False

    def choose(self, trials: Trials, dials: Sequence[float] | None = None) -> Verdict:
        """Choose the safest dial within."""
        means = []
        for dial in trials.objective.grid if dials is None else dials:
            outcome = trials.at(dial)
            means.append((float(self._bounded(outcome, trials).mean()), dial))
            if self._keeps(means[-1][0]):
                return Choice(outcome, len(means))
        nearest, dial = max(means) if self.at_least else min(means)
        return Refusal(f"{self._why_none(nearest, named(dial, trials))}. {UNMOVED}", len(means))

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
            here = open_ & self._keeps(self._bounded(outcome, trials)[places].mean(axis=1))
            worth[here] = self.gain(outcome, trials)[places[here]].mean(axis=1)
            open_ &= ~here
            if not open_.any():
                break
        return worth

    @property
    @abstractmethod
    def bound(self) -> float:
        """The largest mean of what is bounded; the least, with `at_least`."""

    @abstractmethod
    def reached(self, figures: Mapping[str, Any]) -> dict[str, float | None]:
        """What is bounded, with its interval, in what `held_out.figures` gives."""

    def _keeps(self, mean: Any) -> Any:
        """Whether a mean, or each of an array, is within the bound."""
        return mean >= self.bound - self._rounding if self.at_least else mean <= self.bound + self._rounding

    @property
    def _rounding(self) -> float:
        """What a mean may be off by for rounding."""
        return ROUNDING

    @abstractmethod
    def _bounded(self, outcome: Outcome, trials: Trials) -> Floats:
        """What is bounded, query by query."""

    @abstractmethod
    def _why_none(self, nearest: float, at: str) -> str:
        """Why there is none, where the mean that comes nearest is that of the dial `at`."""


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

    def reached(self, figures: Mapping[str, Any]) -> dict[str, float | None]:
        """US$ a query."""
        found: dict[str, float | None] = figures["cost_interval"]
        return found

    @property
    def bound(self) -> float:
        """US$ a query."""
        return self.dollars

    @property
    def _rounding(self) -> float:
        return ROUNDING * self.dollars

    def _bounded(self, outcome: Outcome, trials: Trials) -> Floats:
        return outcome.cost

    def _why_none(self, nearest: float, at: str) -> str:
        return f"no dial costs {self.words}: the cheapest, {at}, costs ${nearest:.4g} a query"


@dataclass(frozen=True)
class ReferenceShare(Within):
    """The reference answers at most this share of queries: the safest dial that keeps to it."""

    share: float

    def __post_init__(self) -> None:
        _check_share(self.share)

    @property
    def words(self) -> str:
        """`the reference answers at most 30 %`."""
        return f"the reference answers at most {100 * self.share:.3g} %"

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {"reference_share": self.share}

    def reached(self, figures: Mapping[str, Any]) -> dict[str, float | None]:
        """The share."""
        found: dict[str, float | None] = figures["reference_share_interval"]
        return found

    @property
    def bound(self) -> float:
        """The share."""
        return self.share

    def _bounded(self, outcome: Outcome, trials: Trials) -> Floats:
        return answered_by(trials.arms[-1].model, outcome, trials)

    def _why_none(self, nearest: float, at: str) -> str:
        return f"at no dial {self.words}: the least is {100 * nearest:.3g} %, at {at}"


@dataclass(frozen=True)
class ModelShare(Within):
    """A model that is not the reference answers at least this share of queries: the safest dial that does."""

    model: str
    share: float

    at_least = True

    def __post_init__(self) -> None:
        _check_share(self.share)

    @property
    def words(self) -> str:
        """`nano answers at least 30 %`."""
        return f"{self.model} answers at least {100 * self.share:.3g} %"

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {"share": {self.model: self.share}}

    def reached(self, figures: Mapping[str, Any]) -> dict[str, float | None]:
        """The share."""
        found: dict[str, float | None] = figures["shares"][self.model]
        return found

    @property
    def bound(self) -> float:
        """The share."""
        return self.share

    def _bounded(self, outcome: Outcome, trials: Trials) -> Floats:
        return answered_by(self.model, outcome, trials)

    def _why_none(self, nearest: float, at: str) -> str:
        return f"at no dial {self.words}: the most is {100 * nearest:.3g} %, at {at}"


def share_of(model: str, share: float, policy: Policy) -> ModelShare | ReferenceShare:
    """The aim that a model has this share: of the reference at most, of any other at least.

    Raises InputError for a model that no tier asks alone, and for what is no share.
    """
    name = policy.model(model).name
    if name == policy.reference:
        return ReferenceShare(share)
    if not any([*tier.arm.models] == [name] for tier in policy.tiers):
        raise InputError(f"no tier asks {name} alone, so the dial cannot set its share")
    return ModelShare(name, share)


def share_now(model: str, trials: Trials) -> float:
    """The share that a model answers alone under the policy's dial as it stands."""
    return float(answered_by(model, trials.at(trials.objective.setting), trials).mean())


def answered_by(model: str, outcome: Outcome, trials: Trials) -> Floats:
    """Query by query, how far an arm of this model alone answers."""
    own = [[*arm.models] == [model] for arm in trials.arms]
    by: Floats = outcome.shares[:, own].sum(axis=1)
    return by


def _check_share(share: float) -> None:
    if not 0 <= share <= 1:
        raise InputError(f"a share lies between 0 % and 100 %, which {100 * share:.3g} % does not")
