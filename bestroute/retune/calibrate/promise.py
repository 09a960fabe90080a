"""The promise: the cheapest dial that loses no more than it may, whatever else the queries do.

The dials that are tried are fixed beforehand. Were they taken from the gaps of the very queries that
choose, the promise would no longer be exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bestroute.errors import InputError
from bestroute.retune.calibrate.aim import ROUNDING, Choice, Places, Refusal, Verdict, named
from bestroute.retune.calibrate.bound import Floats, lost, p_value, queries_needed, rough
from bestroute.retune.calibrate.trials import Outcome, Trials

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
        rest = iter(trials.objective.grid if dials is None else dials)
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
            f"About {records:,} prompts in all would do, each with scored responses of every model, of which "
            "half choose and half judge; or allow a larger drop or a lower confidence"
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
            f"no dial can be promised to keep: {self.words}. At {named(outcome.dial, trials)} the drop is "
            f"{100 * dropped:.3g} % already, on the {len(trials):,} queries that choose",
            tried,
        )


def _saves(outcome: Outcome, trials: Trials) -> bool:
    return bool(outcome.cost.mean() < trials.reference_cost.mean() * (1 - ROUNDING))
