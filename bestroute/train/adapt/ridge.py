"""Ridge regression on many features from few queries: the dual form, of several targets at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def dual_ridge(kernel: Floats, target: Floats, weights: Floats, strength: float) -> Floats:
    """Coefficients (rows, targets) of the rows: `features.T @ them` is the ridge.

    `kernel` (rows, rows) holds the products of the rows' features. A target that is NaN takes no part. For
    each target the ridge b minimises sum(weights * (target - features @ b)**2) + strength * |b|**2, and so
    its coefficients solve (kernel + diag(strength / weights)) c = target. Targets of the same rows and
    weights share one solution.
    """
    known = ~np.isnan(target) & (weights > 0)
    found = np.zeros(target.shape)
    for columns in _alike(np.where(known, weights, 0.0)):
        rows = np.flatnonzero(known[:, columns[0]])
        if rows.size:
            system = kernel[np.ix_(rows, rows)] + np.diag(strength / weights[rows, columns[0]])
            found[np.ix_(rows, columns)] = np.linalg.solve(system, target[np.ix_(rows, columns)])
    return found


def _alike(weights: Floats) -> list[NDArray[np.intp]]:
    """Columns in groups of the same weights."""
    _, group = np.unique(weights, axis=1, return_inverse=True)
    group = group.ravel()
    return [np.flatnonzero(group == number) for number in range(group.max() + 1)]
