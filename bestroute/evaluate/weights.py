"""Weighting: means over queries, a source at a time: of all of them, of random halves, of resamples.

Sources are weighted equally: an overall figure is the mean of the sources' own (`overall`), so that the set
with the most queries does not speak for all. Draws keep the number of queries of every source.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bestroute.evaluate.replay import Floats

Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Weighting:
    """`draws` means over the queries of each source.

    `parts`, a source each in the order of `names`: the indices of its queries, and weights (draws, its
    queries) whose rows sum to 1; a row of NaN where a draw holds none of them.
    """

    names: tuple[str, ...]
    parts: tuple[tuple[Indices, Floats], ...]

    def means(self, shares: Floats, values: Floats) -> Floats:
        """Mean of `values` (queries, arms) under `shares` (dials, queries, arms): (sources, draws, dials)."""
        if shares.strides[1] == 0:  # the same mix for every query
            return np.stack([(weights @ values[at]) @ shares[:, 0].T for at, weights in self.parts])
        expected = np.einsum("dqa,qa->qd", shares, values)
        return self.of(expected)

    def of(self, values: Floats) -> Floats:
        """Mean of `values` (queries, columns): (sources, draws, columns)."""
        return np.stack([weights @ values[at] for at, weights in self.parts])


def overall(means: Floats) -> Floats:
    """The mean over the first axis, the sources, of those that are known."""
    known = ~np.isnan(means)
    count = known.sum(axis=0)
    total = np.where(known, means, 0.0).sum(axis=0)
    mean: Floats = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return mean


def everything(sources: Sequence[str]) -> Weighting:
    """One draw: every query once."""
    return _drawn(sources, lambda count: np.ones((1, count)))


def halves(sources: Sequence[str], splits: int, seed: int) -> Weighting:
    """Random splits in two, stratified by source: draws 0..splits-1 are first halves, the rest second ones.

    Of an odd number of queries the bigger half is the first or the second at random.
    """
    generator = np.random.default_rng(seed)

    def in_two(count: int) -> Floats:
        sizes = count // 2 + generator.integers(0, 1 + count % 2, splits)
        ranks = np.argsort(generator.random((splits, count)), axis=1)
        first = ranks < sizes[:, None]
        return np.concatenate([first, ~first]).astype(float)

    return _drawn(sources, in_two)


def resamples(sources: Sequence[str], draws: int, seed: int) -> Weighting:
    """Bootstrap: as many queries of every source as there are, drawn with replacement."""
    generator = np.random.default_rng(seed)

    def again(count: int) -> Floats:
        return generator.multinomial(count, np.full(count, 1 / count), size=draws).astype(float)

    return _drawn(sources, again)


def _drawn(sources: Sequence[str], counts: Callable[[int], Floats]) -> Weighting:
    """`counts` tells how often each of so many queries of a source is drawn: (draws, queries)."""
    labels = np.asarray(sources)
    names = tuple(sorted(set(sources)))
    places = [np.flatnonzero(labels == name) for name in names]
    return Weighting(names, tuple((at, _rows(counts(len(at)))) for at in places))


def _rows(counts: Floats) -> Floats:
    total = counts.sum(axis=1, keepdims=True)
    rows: Floats = np.divide(counts, total, out=np.full(counts.shape, np.nan), where=total > 0)
    return rows
