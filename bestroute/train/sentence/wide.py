"""What single pieces and pairs of them say of a query beside the encoder: the wide part of "wide and deep".

A ridge on what the trained network leaves unexplained (Cheng et al., arXiv 1606.07792, train both at once):
the encoder averages its tokens, and what hangs on one rare word or pair is lost in the mean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bestroute.artefacts.session import TokenRow
from bestroute.train.labels import Floats

BUCKETS = 1 << 16
FIRST, SECOND = 31321, 7  # a pair's bucket is (FIRST * a + SECOND * b) modulo BUCKETS
_STRENGTHS = (3.0, 10.0, 30.0)
_STEPS = 200  # of conjugate gradients, at most
_CLOSE = 1e-3


def places(row: TokenRow, pieces: int) -> NDArray[np.int64]:
    """Places in the table of a row's pieces, then of its pairs."""
    ids = np.asarray(row.ids, np.int64)
    return np.concatenate([ids, pieces + (FIRST * ids[:-1] + SECOND * ids[1:]) % BUCKETS])


def wide_of(rows: Sequence[TokenRow], table: NDArray[np.float32]) -> Tensor:
    """What the table adds to the logits of quality, (rows, classes).

    `table`, (pieces + BUCKETS, classes + 1), holds for each place its share of every class's logit, then the
    square of its rarity: a row's sum of the former is divided by the root of its sum of the latter.
    """
    pieces = len(table) - BUCKETS
    sums = np.array([table[places(row, pieces)].sum(0) for row in rows])
    return torch.from_numpy(sums[:, :-1] / np.sqrt(np.maximum(sums[:, -1:], 1.0)))


def fit_wide(
    rows: Sequence[TokenRow],
    logits: Tensor,
    targets: Floats,
    weights: Floats,
    pieces: int,
    loss: Callable[[NDArray[np.float32]], float],
) -> NDArray[np.float32]:
    """The table of the strength whose `loss` is least; all zero where none is better than no table.

    `logits` and `targets`, (rows, classes), are what the network says of the training rows at n = 1, and what
    is true, NaN where that is unknown. One Newton step of a logistic ridge for each class.
    """
    counts, rarity = _counted(rows, pieces)
    predicted = torch.sigmoid(logits).double().numpy()
    tables = [np.zeros((len(rarity), targets.shape[1] + 1), np.float32)]
    for strength in _STRENGTHS:
        columns = [
            _ridge(counts, target - said, said * (1 - said), weights, strength)
            for target, said in zip(targets.T, predicted.T, strict=True)
        ]
        tables.append(np.stack([*(rarity * column for column in columns), rarity**2], 1).astype(np.float32))
    return min(tables, key=loss)


@dataclass(frozen=True)
class _Sparse:
    """A matrix of `columns` columns by its rows: where each one's entries end, their places and values."""

    ends: NDArray[np.int64]
    at: NDArray[np.int64]
    values: Floats
    columns: int

    def times(self, vector: Floats) -> Floats:
        return np.diff(np.cumsum(self.values * vector[self.at])[self.ends - 1], prepend=0.0)

    def transposed_times(self, vector: Floats) -> Floats:
        each = np.repeat(vector, np.diff(self.ends, prepend=0))
        return np.asarray(np.bincount(self.at, self.values * each, self.columns), np.float64)


def _counted(rows: Sequence[TokenRow], pieces: int) -> tuple[_Sparse, Floats]:
    """Rows of about unit length, (rows, pieces + BUCKETS), and the rarity of each place."""
    found = [np.unique(places(row, pieces), return_counts=True) for row in rows]
    seen = np.bincount(np.concatenate([at for at, _ in found]), minlength=pieces + BUCKETS)
    rarity = np.where(seen > 1, np.log((1 + len(rows)) / (1 + seen)), 0.0)
    values = [times * rarity[at] / np.sqrt(max((times * rarity[at] ** 2).sum(), 1.0)) for at, times in found]
    ends = np.cumsum([len(at) for at, _ in found])
    return _Sparse(ends, np.concatenate([at for at, _ in found]), np.concatenate(values), len(rarity)), rarity


def _ridge(counts: _Sparse, left: Floats, steep: Floats, weights: Floats, strength: float) -> Floats:
    """Slopes (places,) of the logit from what is `left` of the targets, by the dual."""
    # An unknown row weighs next to nothing, so that one matrix serves all classes.
    sure = np.where(np.isnan(left), 1e-9, weights / weights.mean() * steep * 4)
    ridge = strength / sure
    aim = np.where(np.isnan(left), 0.0, left / steep)
    dual = _solve(lambda at: counts.times(counts.transposed_times(at)) + ridge * at, aim, 1 / ridge)
    return counts.transposed_times(dual)


def _solve(apply: Callable[[Floats], Floats], aim: Floats, guess: Floats) -> Floats:
    """Conjugate gradients, with `guess` of the inverse's diagonal."""
    found, left = np.zeros_like(aim), aim.copy()
    step = guess * left
    product = left @ step
    for _ in range(_STEPS):
        applied = apply(step)
        length = product / (step @ applied)
        found += length * step
        left -= length * applied
        if np.linalg.norm(left) <= _CLOSE * np.linalg.norm(aim):
            break
        scaled = guess * left
        product, before = left @ scaled, product
        step = scaled + product / before * step
    return found
