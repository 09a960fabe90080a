"""How far to go from the router model as it is: level, slope, features; each only where it proves to help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bestroute.artefacts.odds import log_odds, sigmoid
from bestroute.train.adapt.line import SLOPE_PULL, fit_lines
from bestroute.train.adapt.own import Own
from bestroute.train.adapt.ridge import dual_ridge

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Step: TypeAlias = Literal["none", "base", "level", "slope", "features"]
SIMPLE: tuple[Step, ...] = ("base", "level", "slope")
STRENGTHS = (0.03, 0.1, 0.3, 1.0, 3.0)
"""Of the ridge, in units of the number of features."""
_LEAST_BEND = 0.02
MOST_ROWS = 2000
"""Queries that the ridge is fitted on at most; levels, slopes and all else take every query."""


class Chosen(NamedTuple):
    """How far each model goes (M,), and the strength of the ridge, in units of the number of features."""

    steps: tuple[Step, ...]
    strength: float


@dataclass(frozen=True)
class Mapping:
    """From log-odds of columns and features to those of one response of each model.

    Levels, slopes and shifts are (M,), the ridge is (d, M); see bestroute.artefacts.adapter.Adapter.
    """

    level: Floats
    slope: Floats
    ridge: Floats
    shift: Floats

    def __call__(self, odds: Floats, features: Floats) -> Floats:
        """Log-odds (rows, M) by those of the columns (rows, M) and features (rows, d)."""
        return self.level + self.slope * odds + features @ self.ridge + self.shift


def odds_of(own: Own, columns: Indices) -> Floats:
    """Log-odds of one response of each model's column, (Q, M)."""
    return log_odds(own.said.quality[:, columns, 0].astype(np.float64))


def features_of(own: Own) -> Floats:
    """What the router model's encoder says, (Q, d); d is 0 where it says nothing."""
    features = own.said.features
    return np.empty((len(own), 0)) if features is None else features.astype(np.float64)


def fit_mapping(own: Own, columns: Indices, chosen: Chosen) -> Mapping:
    """Fit every model as far as was chosen for it. A model without scores takes the others' mean line."""
    odds, features = odds_of(own, columns), features_of(own)
    level, slope = _lines(own, odds, chosen.steps)
    ridge, shift = np.zeros((features.shape[1], len(columns))), np.zeros(len(columns))
    wanted = np.array([step == "features" for step in chosen.steps])
    if wanted.any():
        said, score = level + slope * odds, np.where(wanted, own.score, np.nan)
        [(ridge, level_off)], centre = ridges(features, said, score, own.weights, (chosen.strength,))
        shift = level_off - centre @ ridge
    return Mapping(level, slope, ridge, shift)


def choose(own: Own, columns: Indices) -> tuple[Chosen, Floats]:
    """How far to go, by cross-validation, and the log-odds then of queries that fitted nothing (Q, M).

    A step is taken where it lowers the squared error by more than one standard error of the difference:
    level, and the slope that all share, for each model by itself; features for all models together, at the
    one strength that is best for all, and then for each model whose own error they lower.
    """
    simple, ridged = _cross_validated(own, columns)
    scores, weights = own.score, own.weights
    errors = {step: weights * (sigmoid(said) - scores) ** 2 for step, said in simple.items()}
    steps = [_furthest([errors[step][:, model] for step in SIMPLE]) for model in range(len(columns))]
    chosen: list[Step] = [
        SIMPLE[place] if (~np.isnan(scores[:, model])).any() else "none" for model, place in enumerate(steps)
    ]
    best = np.stack([errors[SIMPLE[place]][:, model] for model, place in enumerate(steps)], axis=1)
    strength = STRENGTHS[-1]
    if ridged:
        tried = {one: weights * (sigmoid(said) - scores) ** 2 for one, said in ridged.items()}
        strength = min(tried, key=lambda one: float(_mean(tried[one])))
        found = tried[strength]
        if better(_by_query(best), _by_query(found)):
            lower = [_mean(found[:, [model]]) < _mean(best[:, [model]]) for model in range(len(columns))]
            chosen = ["features" if low else step for low, step in zip(lower, chosen, strict=True)]
    said_by: dict[Step, Floats] = {**simple, "none": simple["base"]}
    if ridged:
        said_by["features"] = ridged[strength]
    said = np.stack([said_by[step][:, model] for model, step in enumerate(chosen)], axis=1)
    return Chosen(tuple(chosen), strength), said


def _cross_validated(own: Own, columns: Indices) -> tuple[dict[Step, Floats], dict[float, Floats]]:
    """What every step, and every strength of the ridge, predicts of each fold from the others."""
    odds, features = odds_of(own, columns), features_of(own)
    models = len(columns)
    simple: dict[Step, Floats] = {step: np.empty(odds.shape) for step in SIMPLE}
    has_features = features.shape[1] > 0
    ridged = {strength: np.empty(odds.shape) for strength in (STRENGTHS if has_features else ())}
    for fold in np.unique(own.fold):
        inside, outside = np.flatnonzero(own.fold != fold), np.flatnonzero(own.fold == fold)
        rest = own.at(inside)
        for step in SIMPLE:
            level, slope = _lines(rest, odds[inside], (step,) * models)
            simple[step][outside] = level + slope * odds[outside]
        if not ridged:
            continue
        said = level + slope * odds[inside]
        fits, centre = ridges(features[inside], said, rest.score, rest.weights, tuple(ridged))
        for found, (ridge, shift) in zip(ridged.values(), fits, strict=True):
            found[outside] = simple["slope"][outside] + (features[outside] - centre) @ ridge + shift
    return simple, ridged


def _lines(own: Own, odds: Floats, steps: tuple[Step, ...]) -> tuple[Floats, Floats]:
    """Level and slope of each model, as far as it goes."""
    level, slope = np.zeros(len(steps)), np.ones(len(steps))
    for kinds, pull in ((("level",), np.inf), (("slope", "features"), SLOPE_PULL)):
        at = np.flatnonzero([step in kinds for step in steps])
        if at.size:
            level[at], slope[at] = fit_lines(
                odds[:, at], own.score[:, at], own.weights[:, at], slope_pull=pull
            )
    strange = np.array([step == "none" for step in steps])
    if strange.any() and not strange.all():
        level[strange], slope[strange] = level[~strange].mean(), slope[~strange].mean()
    return level, slope


def ridges(
    features: Floats, said: Floats, score: Floats, weights: Floats, strengths: Sequence[float]
) -> tuple[list[tuple[Floats, Floats]], Floats]:
    """For each strength a ridge (d, M) on features less their mean and how far it leaves the levels off (M,);
    and that mean (d,).

    It is one step of Newton's from the log-odds `said` to the scores: logistic regression with a ridge, as
    near as few queries with many features need.
    """
    rows, count = features[:MOST_ROWS], min(len(features), MOST_ROWS)
    centre = rows.mean(axis=0) if count else np.zeros(features.shape[1])
    inside = rows - centre
    kernel = inside @ inside.T
    value = sigmoid(said[:count])
    bend = np.maximum(value * (1 - value), _LEAST_BEND)
    rest = (score[:count] - value) / bend
    coefficients = [
        dual_ridge(kernel, rest, weights[:count] * bend, strength * features.shape[1])
        for strength in strengths
    ]
    shifts = [
        fit_lines(said[:count] + kernel @ one, score[:count], weights[:count], slope_pull=np.inf)[0]
        for one in coefficients
    ]
    return [(inside.T @ one, shift) for one, shift in zip(coefficients, shifts, strict=True)], centre


def _furthest(errors: list[Floats]) -> int:
    """The last step that is better than the one taken before it."""
    taken = 0
    for step in range(1, len(errors)):
        if better(errors[taken], errors[step]):
            taken = step
    return taken


def better(simpler: Floats, further: Floats) -> bool:
    """Whether the errors (rows,) of what goes further are lower by more than one standard error."""
    difference = simpler - further
    known = difference[~np.isnan(difference)]
    if len(known) < 2:
        return False
    return bool(known.mean() > known.std(ddof=1) / np.sqrt(len(known)))


def _by_query(errors: Floats) -> Floats:
    """Mean over the models that were asked (rows,); NaN where none was."""
    known = ~np.isnan(errors)
    count = known.sum(axis=1)
    total = np.where(known, errors, 0.0).sum(axis=1)
    mean: Floats = np.divide(total, count, out=np.full(len(errors), np.nan), where=count > 0)
    return mean


def _mean(errors: Floats) -> float:
    """Over all that is known; 0 for nothing."""
    known = errors[~np.isnan(errors)]
    return float(known.mean()) if known.size else 0.0
