"""What a dial gives on queries that had no part in choosing it: values with 95 % bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np

from bestroute.evaluate.replay import Floats
from bestroute.records.quality import interval
from bestroute.retune.calibrate.trials import Outcome, Trials
from bestroute.retune.calibrate.within import answered_by

DRAWS = 500
_AT_ONCE = 4_000_000  # weights of queries in memory
_Z = 1.96  # standard deviations that hold 95 %
_UNKNOWN = 0.025  # of the draws may leave a value open; an interval would be cut off with more


def figures(
    outcome: Outcome, trials: Trials, texts: Sequence[str], seed: int = 0, draws: int = DRAWS
) -> dict[str, Any]:
    """JSON values. `saving` and `drop` are shares of the reference's own cost and quality, 0.1 is 10 %, costs
    US$ a query, `gap` quality points that are predicted to be lost, over the `with_gap` queries of which that
    can be told. `quality`, `reference_quality` and `drop` are None where nothing is known of quality, `gap`
    where it is. `shares`: of the queries that an arm of one model alone answers, by model.

    Every query counts alike; those of the same text (`texts`, one a query) are drawn together, since they say
    no more than one of them does. `low` and `high` are None where they cannot be told.
    """
    unknown = np.full(len(trials), np.nan)
    quality = unknown if outcome.quality is None else outcome.quality
    best = unknown if trials.reference_quality is None else trials.reference_quality
    gap = unknown if outcome.gap is None else outcome.gap
    alone = dict.fromkeys(arm.model for arm in trials.arms if len(arm.models) == 1)
    count = len(set(texts))
    shares = {model: _wilson(float(answered_by(model, outcome, trials).mean()), count) for model in alone}
    by_reference = shares[trials.arms[-1].model]
    told = np.isfinite(gap)
    columns = np.stack([outcome.cost, trials.reference_cost, quality, best, np.where(told, gap, 0.0), told])
    cost, reference_cost, kept, reference, lost, known = (
        np.append(column.mean(), drawn)
        for column, drawn in zip(columns, _resampled(columns, texts, draws, seed), strict=True)
    )
    return {
        "dial": outcome.dial,
        "queries": len(trials),
        "saving": _interval(1 - _ratio(cost, reference_cost)),
        "drop": _interval(1 - _ratio(kept, reference)),
        "quality": _interval(kept),
        "reference_quality": None if np.isnan(reference[0]) else float(reference[0]),
        "gap": _interval(_ratio(lost, known)),
        "with_gap": int(told.sum()),
        "cost": float(cost[0]),
        "cost_interval": _interval(cost),
        "reference_cost": float(reference_cost[0]),
        "calls": float(outcome.calls.mean()),
        "reference_share": by_reference["value"],
        "reference_share_interval": by_reference,
        "shares": shares,
        "arms": {
            arm.label: float(share)
            for arm, share in zip(trials.arms, outcome.shares.mean(axis=0), strict=True)
        },
    }


def _resampled(columns: Floats, texts: Sequence[str], draws: int, seed: int) -> Floats:
    """Means of columns (columns, queries) over resamples: (columns, draws). NaN of a single text, which is
    drawn each time and says nothing of others."""
    numbers: dict[str, int] = {}
    groups = np.array([numbers.setdefault(text, len(numbers)) for text in texts])
    count = len(numbers)
    if count < 2:
        return np.full((len(columns), draws), np.nan)
    sums = np.stack([np.bincount(groups, column, count) for column in columns])
    sizes = np.bincount(groups, minlength=count)
    generator = np.random.default_rng(seed)
    means = []
    for start in range(0, draws, batch := max(1, _AT_ONCE // count)):
        size = min(batch, draws - start)
        weights = generator.multinomial(count, np.full(count, 1 / count), size).astype(float)
        means.append(sums @ weights.T / (weights @ sizes))
    return np.concatenate(means, axis=1)


def _ratio(part: Floats, whole: Floats) -> Floats:
    """NaN where there is nothing to be a part of."""
    ratio: Floats = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return ratio


def _wilson(share: float, count: int) -> dict[str, float | None]:
    """Of a share of so many (E. B. Wilson, 1927): it holds at 0 and 1 too, where resamples never differ, and
    is wide enough where queries count by parts."""
    spread = _Z**2 / count
    middle = (share + spread / 2) / (1 + spread)
    half = sqrt(share * (1 - share) * spread + spread**2 / 4) / (1 + spread)
    return {"value": share, "low": max(0.0, middle - half), "high": min(1.0, middle + half)}


def _interval(values: Floats) -> dict[str, float | None] | None:
    """Of a value and what it is in the draws; None where it cannot be told."""
    value, drawn = values[0], values[1:]
    if np.isnan(value):
        return None
    known = drawn[~np.isnan(drawn)]
    if len(known) < (1 - _UNKNOWN) * len(drawn):
        return {"value": float(value), "low": None, "high": None}
    low, high = interval(known)
    return {"value": float(value), "low": low, "high": high}
