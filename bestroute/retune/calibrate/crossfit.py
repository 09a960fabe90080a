"""Cross-fitting: what a dial that is chosen this way gives on queries that had no part in choosing it.

Where nothing is promised all queries choose, and none is left to judge. So they are dealt into five folds: a
dial is chosen anew on four and tried on the fifth. What the five give together is an estimate that no query
flatters, of dials chosen from four fifths as many queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import NamedTuple

import numpy as np

from bestroute.evaluate.replay import Floats
from bestroute.records.record import bucket
from bestroute.retune.calibrate.aim import Aim, Choice, Places
from bestroute.retune.calibrate.trials import Outcome, Part, Trials

FOLDS = 5


class CrossFitted(NamedTuple):
    """The dial that was chosen without each fold, and what each query gave under the one of its own."""

    dials: tuple[float, ...]
    outcome: Outcome


def cross_fitted(aim: Aim, trials: Trials, texts: Sequence[str], seed: int = 0) -> CrossFitted | None:
    """Choose without each fold, and try there; `texts` are what the queries ask. None where some folds leave
    nothing to choose from, or no dial is chosen."""
    fold_of = np.array([bucket(text, f"fold {seed}", FOLDS) for text in texts], np.intp)
    outcomes = []
    for fold in range(FOLDS):
        rest = np.flatnonzero(fold_of != fold)
        verdict = aim.choose(Part(trials, rest)) if len(rest) else None
        if not isinstance(verdict, Choice):
            return None
        outcomes.append(trials.at(verdict.outcome.dial))
    return CrossFitted(tuple(one.dial for one in outcomes), _picked(outcomes, fold_of))


def _picked(outcomes: Sequence[Outcome], which: Places) -> Outcome:
    """For each query the outcome of this index; together they have no dial."""

    def pick(columns: Sequence[Floats]) -> Floats:
        return np.stack(columns)[which, np.arange(len(which))]

    qualities = [one.quality for one in outcomes if one.quality is not None]
    gaps = [one.gap for one in outcomes if one.gap is not None]
    return Outcome(
        nan,
        cost=pick([one.cost for one in outcomes]),
        calls=pick([one.calls for one in outcomes]),
        shares=pick([one.shares for one in outcomes]),
        quality=pick(qualities) if qualities else None,
        gap=pick(gaps) if gaps else None,
    )
