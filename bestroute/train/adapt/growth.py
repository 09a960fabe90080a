"""How fast a model's quality rises with n, from its own samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bestroute.artefacts.odds import sigmoid
from bestroute.records.quality import expected_max_normal

Floats = NDArray[np.float64]
_PACES = np.linspace(0.0, 4.0, 81)
_FLAT = 1e-3
_FEWEST = 2


def fit_growth(odds: Floats, column: Floats, quality: Floats) -> tuple[float, Floats]:
    """What n adds to the log-odds of one response: a multiple of what it adds to the column, a rise (N,).

    `odds` (Q,) predicted of one response, `column` (Q, N) the log-odds of the router model's column,
    `quality` (Q, N) of the kept one, NaN where n was not recorded. Where nothing was, the column's rise
    stands. Where the column does not rise, the expected maximum of n standard normals takes its place.
    """
    steps = column - column[:, :1]
    normal = expected_max_normal(column.shape[1])
    flat = steps.shape[1] < 2 or float(steps.mean(axis=0)[-1]) < _FLAT
    shape = np.broadcast_to(normal, steps.shape) if flat else steps
    usual = 0.0 if flat else 1.0
    pace = _pace(odds, shape, quality, usual)
    return (0.0, pace * normal) if flat else (pace, np.zeros(column.shape[1]))


def _pace(odds: Floats, shape: Floats, quality: Floats, usual: float) -> float:
    """The multiple of `shape` that explains the gains best, drawn to the usual one."""
    gains = quality[:, 1:] - quality[:, :1]
    known = ~np.isnan(gains)
    rows = known.any(axis=1)
    if rows.sum() < _FEWEST:
        return usual
    first = sigmoid(odds)[:, None]
    errors = np.array(
        [
            _by_query(gains - (sigmoid(odds[:, None] + pace * shape[:, 1:]) - first), known)[rows].sum()
            for pace in _PACES
        ]
    )
    noise = max(errors.min() / rows.sum(), 1e-6)
    return float(_PACES[np.argmin(errors / noise + (_PACES - usual) ** 2)])


def _by_query(errors: Floats, known: NDArray[np.bool_]) -> Floats:
    """Mean squared error of each query over the n that are known; 0 for none."""
    square = np.where(known, errors, 0.0) ** 2
    mean: Floats = square.sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return mean
