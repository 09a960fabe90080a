"""What own traffic looks like, so that it is known: its main directions, its spread, and how far is far."""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
KEPT = 0.98
"""Share of own queries that are not novel."""
_DIRECTIONS = 16
_PER_DIRECTION = 10
_MOST_ROWS = 2000


class Cloud(NamedTuple):
    """Own traffic as a normal distribution: `centre` (d,), orthonormal `directions` (d, r), the variances
    inside each (r,), and that outside of them, alike in every other direction.
    """

    centre: Floats
    directions: Floats
    inside: Floats
    outside: float

    def distance(self, features: Floats) -> Floats:
        """From the centre, in standard deviations, (rows,)."""
        away = features - self.centre
        along = away @ self.directions
        square = (away**2).sum(axis=1) - (along**2).sum(axis=1)
        found: Floats = np.sqrt((along**2 / self.inside).sum(axis=1) + np.maximum(square, 0) / self.outside)
        return found


def fit_cloud(features: Floats) -> Cloud:
    """The cloud of own queries (rows, d): probabilistic principal components (Tipping and Bishop 1999), one
    direction for ten queries and 16 at most.

    Variances are drawn to the mean one as if there were one more query.
    """
    rows = features[:_MOST_ROWS]
    count, width = rows.shape
    centre = rows.mean(axis=0)
    away = rows - centre
    mean = max(float((away**2).sum()) / (count * width), 1e-6)
    kept = min(_DIRECTIONS, count // _PER_DIRECTION, width - 1)
    values, vectors = np.linalg.eigh(away @ away.T)
    top = np.argsort(values)[::-1][:kept]
    values, vectors = values[top], vectors[:, top]
    directions = away.T @ vectors / np.sqrt(np.maximum(values, 1e-12))
    outside = (float((away**2).sum()) - float(values.sum()) + mean) / (count * (width - kept) + 1)
    return Cloud(centre, directions, (values + mean) / (count + 1), max(outside, 1e-6))


def farthest_of(features: Floats, fold: Indices) -> float:
    """The distance that 98 % of own queries do not pass, each measured by the cloud of the other folds.

    The largest of few is not that yet, so it counts for more, by two parts in their number.
    """
    distances = [fit_cloud(features[fold != one]).distance(features[fold == one]) for one in np.unique(fold)]
    found = np.concatenate(distances)
    return upper(found) * (1 + 2 / len(found))


def upper(values: Floats) -> float:
    """What a further value of the same kind does not pass with a probability of 98 %; the largest of few."""
    place = min(ceil(KEPT * (len(values) + 1)), len(values))
    return float(np.sort(values)[place - 1])
