"""Weighting: means over queries, a source at a time: of all of them, of random halves, of resamples.

Sources are weighted equally: an overall figure is the mean of the sources' own (`overall`), so that the set
with the most queries does not speak for all. Draws keep the number of queries of every source.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    groups = _groups(sources)
    return Weighting(tuple(groups), tuple((at, np.full((1, len(at)), 1 / len(at))) for at in groups.values()))


def halves(sources: Sequence[str], splits: int, seed: int) -> Weighting:
    """Random splits in two, stratified by source: draws 0..splits-1 are first halves, the rest second ones.

    Of an odd number of queries the bigger half is the first or the second at random.
    """
    generator = np.random.default_rng(seed)
    groups = _groups(sources)
    parts = []
    for at in groups.values():
        count = len(at)
        sizes = count // 2 + generator.integers(0, 1 + count % 2, splits)
        ranks = np.argsort(generator.random((splits, count)), axis=1)
        first = ranks < sizes[:, None]
        parts.append((at, _rows(np.concatenate([first, ~first]).astype(float))))
    return Weighting(tuple(groups), tuple(parts))


def resamples(sources: Sequence[str], draws: int, seed: int) -> Weighting:
    """Bootstrap: as many queries of every source as there are, drawn with replacement."""
    generator = np.random.default_rng(seed)
    groups = _groups(sources)
    parts = []
    for at in groups.values():
        count = len(at)
        drawn = generator.multinomial(count, np.full(count, 1 / count), size=draws)
        parts.append((at, _rows(drawn.astype(float))))
    return Weighting(tuple(groups), tuple(parts))


def interval(values: Floats) -> tuple[float, float]:
    """2.5 and 97.5 percentile of the values that are known; NaN for none."""
    known = values[~np.isnan(values)]
    if not known.size:
        return float("nan"), float("nan")
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)


def _groups(sources: Sequence[str]) -> dict[str, Indices]:
    labels = np.asarray(sources)
    return {str(name): np.flatnonzero(labels == name) for name in sorted(set(sources))}


def _rows(counts: Floats) -> Floats:
    total = counts.sum(axis=1, keepdims=True)
    rows: Floats = np.divide(counts, total, out=np.full(counts.shape, np.nan), where=total > 0)
    return rows
