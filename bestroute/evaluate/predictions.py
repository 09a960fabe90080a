"""How good predictions are: AUC of each model's quality, calibration of qualities and matches, collapse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from bestroute.evaluate.curve import Curve
from bestroute.evaluate.replay import Floats, Replay
from bestroute.evaluate.weights import Indices, overall
from bestroute.records.quality import auc, calibration_error, interval

CONSTANT_SHARE = 0.95
CONSTANT_SPREAD = 0.02


class Interval(TypedDict):
    """A value with its 95 % bootstrap interval over queries."""

    value: float
    low: float
    high: float


def ece(predicted: Floats | None, outcome: Floats | None, at: Indices) -> float:
    """Expected calibration error over (query, tier) predictions of the tiers before the reference.

    Both are (queries, arms); what was not predicted (NaN) is left out. NaN where nothing was.
    """
    if predicted is None or outcome is None:
        return float("nan")
    said, came = predicted[at, :-1].ravel(), outcome[at, :-1].ravel()
    known = ~np.isnan(said)
    return calibration_error(said[known], came[known])


def model_aucs(
    predicted: Floats, replay: Replay, groups: Sequence[Indices], draws: int, seed: int
) -> list[dict[str, Interval]]:
    """AUC of telling each model's good single responses from bad ones, for each group and at last overall.

    The overall one is the mean of the groups' (a group where all responses are alike has none). Resamples
    are the same for all strategies. Portfolios have none: theirs are the responses of several models.
    """
    first: dict[str, int] = {}
    for index, arm in enumerate(replay.arms):
        if len(arm.parts) == 1:
            first.setdefault(arm.model, index)
    reports: list[dict[str, Interval]] = [{} for _ in range(len(groups) + 1)]
    for model, place in first.items():
        if np.isnan(predicted[:, place]).all():
            continue
        pairs = [_known(predicted[at, place], replay.single[at, place]) for at in groups]
        values = _auc_draws(pairs, draws, seed)
        for report, column in zip(reports, np.vstack([values, overall(values)]), strict=True):
            low, high = interval(column[1:])
            report[model] = Interval(value=float(column[0]), low=low, high=high)
    return reports


def _known(predicted: Floats, single: Floats) -> tuple[Floats, Floats]:
    known = ~np.isnan(predicted)
    return predicted[known], single[known]


def _auc_draws(pairs: Sequence[tuple[Floats, Floats]], draws: int, seed: int) -> Floats:
    """AUC of each group on all its queries, then on resamples: (groups, 1 + draws)."""
    generator = np.random.default_rng(seed)
    values = np.full((len(pairs), draws + 1), np.nan)
    for row, (predicted, single) in enumerate(pairs):
        count = len(predicted)
        if count > 1:  # a single query is told apart from no other
            values[row, 0] = auc(predicted, single)
            for draw in range(1, draws + 1):
                at = generator.integers(0, count, count)
                values[row, draw] = auc(predicted[at], single[at])
    return values


def collapse(curve: Curve, gaps: Floats, labels: Sequence[str]) -> list[str]:
    """What shows that a router is near constant, in words; empty for one that tells queries apart.

    `gaps` (queries, arms - 1) are the predicted ones. A router is near constant where, at every dial between
    the extremes, one arm takes more than 95 % of the queries, or where nine in ten of every tier's gaps lie
    within two quality points of each other.
    """
    found = []
    between = curve.shares[1:-1].max(axis=1)
    if len(labels) > 1 and (between > CONSTANT_SHARE).all():
        found.append(
            f"collapse: at every setting of the dial one arm takes more than {CONSTANT_SHARE:.0%} of the "
            "queries; the router hardly tells them apart, so a fixed arm would do"
        )
    spreads = _spreads(gaps)
    if spreads.size and (spreads < CONSTANT_SPREAD).all():
        found.append(
            f"collapse: nine in ten predicted gaps of a tier lie within {spreads.max():.3f} quality "
            "points of each other; the router says nearly the same of every query. Train it on more, or more "
            "varied, records"
        )
    return found


def _spreads(gaps: Floats) -> Floats:
    """For every arm with predictions, the distance of the 5 and 95 percentile of its gaps."""
    columns = [column[~np.isnan(column)] for column in gaps.T]
    return np.array([np.subtract(*np.percentile(column, [95, 5])) for column in columns if column.size])
