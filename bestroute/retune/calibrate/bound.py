"""The statistics of a promise: is the mean quality that a dial gives up small enough, for certain?

Learn then test (Angelopoulos et al., arXiv 2110.01052): a dial is a hypothesis, "at this dial the mean of
Z = (1 - drop) * quality(reference) - quality(dial) is 0 or more", and a dial is promised only where that is
rejected. Z lies in [-1, 1 - drop]. The p-value is that of a bet (Waudby-Smith and Ramdas, arXiv 2010.09686):
who stakes a part of a capital of 1 on Z being below 0, query after query, does not gain while the hypothesis
holds, so the capital ever reaches 1 / p with probability p at most (Ville). Nothing is assumed of the
distribution but that queries are drawn independently. Hoeffding's inequality asks for the same and needs
about 3 / (2 * drop ** 2) queries for 95 % confidence even where nothing is lost, 15,000 for a drop of 1 %;
the bet needs some 400, since it learns how little most queries vary.
"""

from __future__ import annotations

from math import floor, log10

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_MOST = 0.9  # of the capital is staked at most; the whole would be lost for good at one bad query
_SAFETY = 1.5  # records enough on average are too few half of the time
_SIZES = np.unique(np.geomspace(10, 10_000_000, 400).astype(int))


def lost(reference: Floats, quality: Floats, drop: float) -> Floats:
    """Z of each query, below 0 where a dial's quality is within `drop` (0.01 is 1 %) of the reference's."""
    return (1 - drop) * np.asarray(reference) - np.asarray(quality)


def p_value(values: Floats, drop: float, error: float) -> Floats:
    """The p-value of "the mean of Z is 0 or more", for Z along the last axis of `values`, in random order.

    Valid at every level; the bets are sized for rejection at `error` (arXiv 2010.09686, section 3, the
    predictable plug-in for a fixed number of queries, as in Bates et al., arXiv 2101.02703).
    """
    scaled, mean = _scaled(values, drop)
    count = scaled.shape[-1]
    if not count:
        return np.ones(scaled.shape[:-1])
    stakes = _stakes(_variances(scaled), count, mean, error)
    capital = np.cumsum(np.log1p(stakes * (mean - scaled)), axis=-1).max(axis=-1)
    p: Floats = np.exp(-np.maximum(capital, 0.0))
    return p


def queries_needed(values: Floats, drop: float, error: float) -> int | None:
    """Roughly how many queries like these would reject at `error`; None where their mean is not below 0."""
    scaled, mean = _scaled(values, drop)
    if not scaled.size or not scaled.mean() < mean:
        return None
    for count in _SIZES:
        variance = np.array([scaled.var() + 0.25 / count])
        gain = np.log1p(_stakes(variance, int(count), mean, error) * (mean - scaled)).mean()
        if count * gain >= -np.log(error) * _SAFETY:
            return int(count)
    return None


def _scaled(values: Floats, drop: float) -> tuple[Floats, float]:
    """Values as parts of the range of Z, and where 0 lies in it."""
    return (np.asarray(values, float) + 1) / (2 - drop), 1 / (2 - drop)


def _variances(scaled: Floats) -> Floats:
    """The variance that was known before each query; the first is taken for a coin's."""
    count = np.arange(1, scaled.shape[-1] + 1)
    means = (0.5 + np.cumsum(scaled, axis=-1)) / (count + 1)
    after = (0.25 + np.cumsum((scaled - means) ** 2, axis=-1)) / (count + 1)
    first = np.full((*scaled.shape[:-1], 1), 0.25)
    return np.concatenate([first, after[..., :-1]], axis=-1)


def _stakes(variances: Floats, count: int, mean: float, error: float) -> Floats:
    stakes: Floats = np.sqrt(-2 * np.log(error) / (count * variances))
    return np.minimum(stakes, _MOST / (1 - mean))


def rough(count: int) -> int:
    """The number with two significant digits, rounded up."""
    unit = int(10 ** max(0, floor(log10(count)) - 1))
    return -(-count // unit) * unit
