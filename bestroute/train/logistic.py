"""Logistic regression with soft targets, weights, signs that are held, and a model to start from. numpy
alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bestroute.artefacts.posterior import Logistic

Floats = NDArray[np.float64]
_STEPS = 3000
_CLOSE = 1e-9


def fit_logistic(
    features: Floats,
    targets: Floats,
    weights: Floats,
    *,
    rising: Sequence[int] = (),
    falling: Sequence[int] = (),
    toward: Logistic | None = None,
    strength: float = 1.0,
) -> Logistic:
    """The model of least weighted cross entropy, plus `strength` times the squared distance to `toward`.

    `features` (rows, columns), `targets` (rows,) in 0..1, `weights` (rows,). Columns in `rising` have a
    weight of at least 0, those in `falling` of at most 0. Distances are counted in standard deviations of a
    feature; `toward` is nothing but an intercept of 0 where absent. By accelerated projected gradient
    (Beck and Teboulle 2009), so the result does not depend on a seed.
    """
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-6
    rows = np.column_stack([np.ones(len(features)), (features - mean) / spread])
    low, high = np.full(rows.shape[1], -np.inf), np.full(rows.shape[1], np.inf)
    low[[1 + column for column in rising]] = 0.0
    high[[1 + column for column in falling]] = 0.0
    start = np.zeros(rows.shape[1])
    if toward is not None:
        known = np.array(toward.weights)
        start = np.concatenate([[toward.intercept + known @ mean], known * spread])
    held = np.full(rows.shape[1], 2 * strength)
    step = 1 / (np.linalg.eigvalsh((rows * weights[:, None]).T @ rows / 4)[-1] + held.max())
    at = ahead = np.clip(start, low, high)
    pace = 1.0
    for _ in range(_STEPS):
        error = weights * (1 / (1 + np.exp(-np.clip(rows @ ahead, -30, 30))) - targets)
        moved = np.clip(ahead - step * (rows.T @ error + held * (ahead - start)), low, high)
        faster = (1 + np.sqrt(1 + 4 * pace**2)) / 2
        ahead = moved + (pace - 1) / faster * (moved - at)
        if np.abs(moved - at).max() < _CLOSE:
            break
        at, pace = moved, faster
    slopes = at[1:] / spread
    return Logistic(float(at[0] - slopes @ mean), tuple(map(float, slopes)))
