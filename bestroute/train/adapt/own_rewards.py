"""What own scores add to the reward model: a ridge within queries, as far as cross-validation bears out.

Responses are compared with those that they are chosen from together, and with no others, so nothing is won by
answering an easy query.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bestroute.artefacts.odds import log_odds, sigmoid
from bestroute.artefacts.own_reward import OwnReward
from bestroute.artefacts.reward import Sight
from bestroute.records.quality import best_of_n_quality, bootstrap_interval, calibration_error
from bestroute.train.adapt.sights import Scored
from bestroute.train.logistic import fit_logistic

Floats = NDArray[np.float64]
Rows = NDArray[np.bool_]
STRENGTHS = (3.0, 10.0, 30.0, 100.0, 300.0)
FEWEST = 20
"""Queries with two responses of different score, below which the reward model stays as it is."""
_N = 4
_FEATURES = 0.7  # weight of what the encoder says beside the facts
_WHISPER = 1e-3  # standard deviation, in log-odds, of rewards that were found to say nothing
_LEAST = 1e-2


@dataclass(frozen=True)
class OwnRewards:
    """What was fitted to own responses, and what it says of them where it did not see the query.

    `held` (R,): rewards of own responses, each from a fit on the other folds, choices and all.
    """

    own: OwnReward
    held: Floats
    report: dict[str, Any]


def fit_own_rewards(scored: Scored) -> OwnRewards | None:
    """Fitted, and judged out of fold; None where fewer than 20 queries can be told apart by."""
    if np.unique(scored.query[scored.centred(scored.score) != 0]).size < FEWEST:
        return None
    rows = _Rows.of(scored)
    every = np.ones(len(scored), bool)
    strengths: Sequence[float] = STRENGTHS
    held = _cross_fitted(rows, strengths)
    if np.nanmean(_pairs(scored, held)) < np.nanmean(_pairs(scored, scored.odds)):
        strengths = ()
        held = _cross_fitted(rows, strengths)
    found, strength = _fitted(rows, every, strengths)
    report = _report(scored, held, strength)
    if not report["tells"]:
        found, held = _whispered(found, held, scored.score)
    return OwnRewards(_single(found), sigmoid(held), report)


@dataclass(frozen=True)
class _Rows:
    """Responses as a ridge reads them: centred and scaled columns, and the products of the rows."""

    scored: Scored
    columns: Floats
    scale: Floats
    kernel: Floats
    score: Floats
    odds: Floats

    @classmethod
    def of(cls, scored: Scored) -> _Rows:
        """Features share one scale, facts have one each; both blocks have the same length in the mean."""
        features, facts = scored.centred(scored.features), scored.centred(scored.facts)
        length = np.sqrt((features**2).sum(axis=1).mean())
        spread = np.maximum(facts.std(axis=0), _LEAST) * np.sqrt(facts.shape[1])
        scale = np.concatenate([np.full(features.shape[1], _FEATURES / max(length, 1e-9)), 1 / spread])
        columns = np.concatenate([features, facts], 1) * scale
        centred = (scored.centred(values) for values in (scored.score, scored.odds))
        return cls(scored, columns, scale, columns @ columns.T, *centred)

    def ridge(self, inside: Rows, strength: float) -> OwnReward:
        """Fitted to some of the rows, in score points; an infinite strength fits a slope alone."""
        odds, score = self.odds[inside], self.score[inside]
        slope = max(float(odds @ score) / max(float(odds @ odds), 1e-9), _LEAST**2)
        weights = np.zeros(self.columns.shape[1])
        if np.isfinite(strength):
            system = self.kernel[np.ix_(inside, inside)] + strength * np.eye(len(score))
            weights = self.columns[inside].T @ np.linalg.solve(system, score - slope * odds)
        response, counted = np.split(weights * self.scale, [self.scored.features.shape[1]])
        return OwnReward(np.zeros(()), np.array(slope), response, counted)

    def said(self, own: OwnReward, rows: Rows) -> Floats:
        """What it says of some of the rows."""
        part = self.scored
        return np.asarray(own.odds(Sight(part.odds[rows], part.features[rows], part.facts[rows])), np.float64)


def _cross_fitted(rows: _Rows, strengths: Sequence[float]) -> Floats:
    """What is said of each fold by a fit on the others, choices and all."""
    held = np.empty(len(rows.score))
    for fold in np.unique(rows.scored.fold):
        outside = rows.scored.fold == fold
        held[outside] = rows.said(_fitted(rows, ~outside, strengths)[0], outside)
    return held


def _fitted(rows: _Rows, inside: Rows, strengths: Sequence[float]) -> tuple[OwnReward, float]:
    """The ridge of the strength that orders most pairs right, infinite unless that is better than the reward
    model as it is by more than a standard error; as log-odds of the expected score."""
    scored = rows.scored.at(inside)
    said = {strength: _cross_validated(rows, inside, strength) for strength in (np.inf, *strengths)}
    wrong = {strength: 1 - _pairs(scored, one) for strength, one in said.items()}
    best = min(said, key=lambda strength: float(np.nanmean(wrong[strength])))
    strength = best if _better(wrong[np.inf], wrong[best]) else np.inf
    found = fit_logistic(said[strength][:, None], scored.score, np.ones(len(scored)), rising=(0,))
    return _scaled(rows.ridge(inside, strength), max(found.weights[0], _WHISPER), found.intercept), strength


def _cross_validated(rows: _Rows, inside: Rows, strength: float) -> Floats:
    said = np.zeros(len(inside))
    for fold in np.unique(rows.scored.fold[inside]):
        outside = inside & (rows.scored.fold == fold)
        said[outside] = rows.said(rows.ridge(inside & ~outside, strength), outside)
    return said[inside]


def _scaled(own: OwnReward, scale: float, level: float) -> OwnReward:
    return OwnReward(
        np.array(level), np.asarray(own.slope * scale), own.response * scale, own.counted * scale
    )


def _whispered(own: OwnReward, held: Floats, score: Floats) -> tuple[OwnReward, Floats]:
    """Rewards at the mean score, so near to one another that they only break ties."""
    scale = _WHISPER / max(float(held.std()), 1e-9)
    middle, level = float(held.mean()), float(log_odds(score.mean()))
    shift = level + scale * (float(own.level) - middle)
    return _scaled(own, scale, shift), level + scale * (held - middle)


def _single(own: OwnReward) -> OwnReward:
    return OwnReward(*(np.asarray(part, np.float32) for part in vars(own).values()))


def _pairs(scored: Scored, said: Floats) -> Floats:
    """The share of pairs that are ordered right, for each query; NaN where all its scores are equal."""
    right, count = np.zeros(scored.query.max() + 1), np.zeros(scored.query.max() + 1)
    for rows in scored.lists():
        better_one = scored.score[rows][:, None] > scored.score[rows]
        ahead = np.sign(said[rows][:, None] - said[rows])
        query = scored.query[rows[0]]
        right[query] += ((1 + ahead[better_one]) / 2).sum()
        count[query] += better_one.sum()
    with np.errstate(invalid="ignore"):
        return (right / count)[np.unique(scored.query)]


def _report(scored: Scored, held: Floats, strength: float) -> dict[str, Any]:
    """JSON values. `pairs`: ordered right, mean over queries; `share_of_gain`: of what an oracle gains by the
    best of four (or of all, where there are fewer) over a random one. With 95 % intervals over queries."""
    variants = {"own": held, "base": scored.odds, "longest": scored.characters}
    pairs = {name: _interval_of_mean(_pairs(scored, said)) for name, said in variants.items()}
    return {
        "queries": int(np.unique(scored.query).size),
        "responses": len(scored),
        "adapted": bool(np.isfinite(strength)),
        "tells": pairs["own"]["low"] > 0.5,
        "pairs": pairs,
        "share_of_gain": {name: _share(scored, said) for name, said in variants.items()},
        "ece": calibration_error(sigmoid(held), scored.score),
        "base_ece": calibration_error(sigmoid(scored.odds), scored.score),
    }


def _interval_of_mean(values: Floats) -> dict[str, float]:
    known = values[~np.isnan(values)]
    low, high = bootstrap_interval(lambda at: known[at].mean(), len(known), np.random.default_rng(0))
    return {"value": float(known.mean()), "low": low, "high": high}


def _share(scored: Scored, said: Floats) -> dict[str, float] | None:
    queries = int(scored.query.max()) + 1
    taken, possible = np.zeros(queries), np.zeros(queries)
    for rows in scored.lists():
        score, n = scored.score[rows], min(_N, len(rows))
        kept, best = (best_of_n_quality(by, score, n)[n - 1] for by in (said[rows], score))
        taken[scored.query[rows[0]]] += kept - score.mean()
        possible[scored.query[rows[0]]] += best - score.mean()

    def share(at: NDArray[np.int64]) -> float:
        return float(taken[at].sum() / possible[at].sum()) if possible[at].any() else float("nan")

    value = share(np.arange(queries))
    low, high = bootstrap_interval(share, queries, np.random.default_rng(0))
    return None if np.isnan(value) else {"value": value, "low": low, "high": high}


def _better(simpler: Floats, further: Floats) -> bool:
    """Whether the errors (rows,) of what goes further are lower by more than one standard error."""
    difference = simpler - further
    known = difference[~np.isnan(difference)]
    if len(known) < 2:
        return False
    return bool(known.mean() > known.std(ddof=1) / np.sqrt(len(known)))
