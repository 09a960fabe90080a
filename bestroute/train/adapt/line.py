"""Levels and a slope on log-odds, drawn to "as it is": logistic regression by Newton's method."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bestroute.artefacts.odds import sigmoid

Floats = NDArray[np.float64]
LEVEL_PULL, SLOPE_PULL = 0.5, 5.0
_STEPS = 40
_LONGEST = 2.0
_CLOSE = 1e-8
_LEAST_BEND = 1e-3


def fit_lines(
    odds: Floats,
    target: Floats,
    weights: Floats,
    *,
    level_pull: float = LEVEL_PULL,
    slope_pull: float = SLOPE_PULL,
) -> tuple[Floats, float]:
    """Levels (models,) and one slope, by which sigmoid(level + slope * odds) is nearest to `target`.

    By weighted cross entropy. All are (rows, models); a target that is NaN takes no part. The slope is one
    for all models: it tells how much the order of the queries is worth, which a few records of one model do
    not. The pulls are the precisions of normal priors around levels of 0 and a slope of 1, which is what no
    rows leave; an infinite `slope_pull` fits levels alone. The slope is at least 0.
    """
    known = ~np.isnan(target)
    weights, target = np.where(known, weights, 0.0), np.where(known, target, 0.0)
    levels, slope = np.zeros(odds.shape[1]), 1.0
    held = np.isinf(slope_pull)
    for _ in range(_STEPS):
        said = sigmoid(levels + slope * odds)
        error, bend = weights * (said - target), weights * np.maximum(said * (1 - said), _LEAST_BEND)
        down = error.sum(axis=0) + level_pull * levels
        curve = bend.sum(axis=0) + level_pull
        turn = 0.0
        if not held:
            across = (bend * odds).sum(axis=0)
            steep = float((error * odds).sum()) + slope_pull * (slope - 1) - float(across @ (down / curve))
            turn = steep / (float((bend * odds**2).sum()) + slope_pull - float(across @ (across / curve)))
            turn = min(turn, slope)  # no further than 0
            down = down - across * turn
        step = down / curve
        damp = min(1.0, _LONGEST / max(float(np.abs(step).max(initial=abs(turn))), _CLOSE))
        levels, slope = levels - damp * step, slope - damp * turn
        if damp * max(float(np.abs(step).max(initial=0.0)), abs(turn)) < _CLOSE:
            break
    return levels, slope
