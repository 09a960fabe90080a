"""How far to go from the router model as it is: level, slope, features; each where it lowers the error."""

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
STRENGTHS = (0.3, 1.0, 3.0)
"""Of the ridge, in units of the number of features; weaker ones were best for no number of queries."""
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

    Each model goes where its squared error is lowest: as it is, level, or the slope that all share. Features
    are for all models together, at the one strength that is best for all, where they lower the error of all;
    then for each model whose own they lower. No margin is asked for: few queries would leave most models as
    they are, where levels are off on nearly all traffic, and a ridge this strong does little by chance.
    """
    simple, ridged = _cross_validated(own, columns)
    scores, weights, models = own.score, own.weights, range(len(columns))
    errors = {step: weights * (sigmoid(said) - scores) ** 2 for step, said in simple.items()}
    chosen: list[Step] = [
        min(SIMPLE, key=lambda step: _mean(errors[step][:, model]))
        if (~np.isnan(scores[:, model])).any()
        else "none"
        for model in models
    ]
    said = np.stack(
        [simple["base" if step == "none" else step][:, model] for model, step in enumerate(chosen)], axis=1
    )
    if not ridged:
        return Chosen(tuple(chosen), STRENGTHS[-1]), said
    tried = {one: weights * (sigmoid(found) - scores) ** 2 for one, found in ridged.items()}
    strength = min(tried, key=lambda one: _mean(tried[one]))
    least = weights * (sigmoid(said) - scores) ** 2
    if _mean(tried[strength]) < _mean(least):
        for model in models:
            if _mean(tried[strength][:, model]) < _mean(least[:, model]):
                chosen[model], said[:, model] = "features", ridged[strength][:, model]
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


def _mean(errors: Floats) -> float:
    """Over all that is known; 0 for nothing."""
    known = errors[~np.isnan(errors)]
    return float(known.mean()) if known.size else 0.0
