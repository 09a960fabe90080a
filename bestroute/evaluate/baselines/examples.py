"""What a baseline is fitted on, and cross-validation of its one setting."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bestroute.records.record import bucket

Floats = NDArray[np.float64]
Vectors: TypeAlias = NDArray[np.float32] | NDArray[np.float64]
Indices = NDArray[np.int64]
FOLDS = 5


@dataclass(frozen=True)
class Examples:
    """`vectors` (queries, width), `targets` (queries, columns) in 0..1, `folds` (queries,) in 0..FOLDS-1."""

    vectors: Vectors
    targets: Floats
    folds: Indices

    def take(self, chosen: Indices) -> Examples:
        """The examples at these places."""
        return Examples(self.vectors[chosen], self.targets[chosen], self.folds[chosen])


Candidates: TypeAlias = Callable[[Examples, Vectors], Floats]
"""Fit once for every setting of a grid: (settings, asked queries, columns)."""


def fold_of(texts: Sequence[str], seed: int) -> Indices:
    """The fold of each query by its text, so that a query which recurs is never on both sides."""
    return np.array([bucket(text, f"fold {seed}", FOLDS) for text in texts], np.int64)


def brier(examples: Examples, candidates: Candidates, settings: int) -> Floats:
    """Mean squared error out of fold, of shape (settings, columns).

    All zero where the queries are too few for two folds: argmin then takes the first setting, so a grid
    begins with its most cautious one.
    """
    errors, count = np.zeros((settings, examples.targets.shape[1])), 0
    for fitted, held in _splits(examples.folds):
        asked = examples.take(held)
        predicted = candidates(examples.take(fitted), asked.vectors)
        errors += ((predicted - asked.targets) ** 2).sum(axis=1)
        count += len(held)
    return errors / max(count, 1)


def _splits(folds: Indices) -> Iterator[tuple[Indices, Indices]]:
    for fold in np.unique(folds):
        held = folds == fold
        if not held.all():
            yield np.flatnonzero(~held), np.flatnonzero(held)
