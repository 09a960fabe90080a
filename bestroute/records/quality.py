"""Numbers only: best-of-n by exact order statistics, and the measures of a prediction.

Best-of-n without resampling: of K recorded responses, n are drawn without replacement and the one with the
highest proxy reward is kept. With distinct rewards sorted ascending, response i (1-based) is the kept one
with probability C(i-1, n-1) / C(K, n). Responses that tie share their group's probability equally, so the
order in which they were recorded never matters. `selection_weights_of` is the same for several lists, some
of each being drawn and the best of all kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from math import comb, erf, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
_ROUNDING = 1e-9  # so that a score of 0.7 is within 0.1 of one of 0.8, as it is on paper


def selection_weights(rewards: ArrayLike, n: int) -> Floats:
    """Probability that each of K responses is the kept one of n; shape (K,), sums to 1.

    Raises ValueError unless 1 <= n <= K.
    """
    values = np.asarray(rewards, dtype=float)
    count = len(values)
    _check_drawable(count, n)
    levels, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    upto = np.concatenate([[0], np.cumsum(sizes)])
    ways = [comb(int(high), n) - comb(int(low), n) for low, high in zip(upto, upto[1:], strict=False)]
    mass = np.array([way / comb(count, n) for way in ways])  # exact integers: they outgrow 64 bits
    share: Floats = (mass / sizes)[group]
    return share


def selection_weights_of(rewards: Sequence[ArrayLike], ns: Sequence[int]) -> list[Floats]:
    """Probability that each response is the kept one of ns[l] drawn of every list l: an array (K_l,) a list.

    Together they sum to 1; of one list they are `selection_weights`. A response is kept where it is the best
    of its own draw and all others' draws lie below. Of those drawn that tie, also of different lists, each is
    as likely to be kept: with t of them in a list's own draw and s in the others', the list has t / (t + s)
    of the chance, and P[t] = C(m, t) C(b, n - t) / C(K, n) for m responses at that reward and b below it.
    Raises ValueError unless 1 <= n <= K for every list.
    """
    lists = [np.asarray(values, dtype=float) for values in rewards]
    for values, n in zip(lists, ns, strict=True):
        _check_drawable(len(values), n)
    weights = [np.zeros(len(values)) for values in lists]
    for level in np.unique(np.concatenate(lists)) if lists else ():
        ties = [np.flatnonzero(values == level) for values in lists]
        draws = [
            _tied_in_draw(len(tied), int((values < level).sum()), len(values), n)
            for tied, values, n in zip(ties, lists, ns, strict=True)
        ]
        for index, tied in enumerate(ties):
            if tied.size:
                others = reduce(np.convolve, draws[:index] + draws[index + 1 :], np.ones(1))
                weights[index][tied] = _share_of_ties(draws[index], others) / tied.size
    return weights


def _check_drawable(count: int, n: int) -> None:
    if not 1 <= n <= count:
        raise ValueError(f"n must be between 1 and the {count} responses recorded, not {n}")


def _tied_in_draw(tied: int, below: int, count: int, n: int) -> Floats:
    """P[t of the n drawn are among `tied`, the others among `below`] for t = 0..min(tied, n)."""
    ways, all_ways = (comb(tied, t) * comb(below, n - t) for t in range(min(tied, n) + 1)), comb(count, n)
    return np.array([way / all_ways for way in ways])  # exact integers: they outgrow 64 bits


def _share_of_ties(own: Floats, others: Floats) -> float:
    """Expected share t / (t + s) of a list with t of all t + s that tie for the best; 0 where t is."""
    t, s = np.arange(1, len(own))[:, None], np.arange(len(others))
    return float(own[1:] @ (t / (t + s)) @ others)


def best_of_n_quality(rewards: ArrayLike, scores: ArrayLike, max_n: int) -> Floats:
    """Expected oracle score of the kept response for n = 1..max_n; NaN where n exceeds the responses."""
    values = np.asarray(scores, dtype=float)
    return _over_n(rewards, values, max_n)


def match_probability(
    rewards: ArrayLike, scores: ArrayLike, reference_scores: ArrayLike, max_n: int, margin: float = 0.0
) -> Floats:
    """P[score of the kept of n >= score of one reference response - margin] for n = 1..max_n.

    BEST-Route's target (section 4.1, eq. 2 and 3), exact: each response's chance to be kept times the share
    of recorded reference responses that it matches. NaN where n exceeds the responses.
    """
    return _over_n(rewards, match_shares(scores, reference_scores, margin), max_n)


def match_shares(scores: ArrayLike, reference_scores: ArrayLike, margin: float = 0.0) -> Floats:
    """For each score, the share of the reference responses' scores that it reaches, less `margin`."""
    values = np.asarray(scores, dtype=float)
    reference = np.asarray(reference_scores, dtype=float)
    shares: Floats = (values[:, None] - reference[None, :] >= -margin - _ROUNDING).mean(axis=1)
    return shares


def _over_n(rewards: ArrayLike, values: Floats, max_n: int) -> Floats:
    result = np.full(max_n, np.nan)
    for n in range(1, min(max_n, len(values)) + 1):
        result[n - 1] = selection_weights(rewards, n) @ values
    return result


def expected_max_normal(max_n: int) -> Floats:
    """h(n): expected maximum of n standard normals, n = 1..max_n; h(1) = 0, strictly rising.

    h(n) = integral of x d[Phi(x)^n], on a grid fine enough for eight digits.
    """
    grid = np.linspace(-9.0, 9.0, 7201)
    cdf = np.array([(1 + erf(x / sqrt(2))) / 2 for x in grid])
    middle = (grid[1:] + grid[:-1]) / 2
    return np.array([float(middle @ np.diff(cdf**n)) for n in range(1, max_n + 1)])


def auc(predictions: ArrayLike, qualities: ArrayLike) -> float:
    """Area under the ROC curve of telling good responses from bad ones; NaN if all are alike.

    A fractional quality q counts as a positive of weight q and a negative of weight 1 - q, so a query with
    several 0/1 responses counts each of them. Ties of the prediction count half.
    """
    scores, positive = np.asarray(predictions, dtype=float), np.asarray(qualities, dtype=float)
    levels, group = np.unique(scores, return_inverse=True)
    pos = np.bincount(group, positive, len(levels))
    neg = np.bincount(group, 1 - positive, len(levels))
    total = pos.sum() * neg.sum()
    if total == 0:
        return float("nan")
    below = np.cumsum(neg) - neg
    return float((pos * (below + neg / 2)).sum() / total)


def calibration_error(predictions: ArrayLike, outcomes: ArrayLike, bins: int = 10) -> float:
    """Expected calibration error over bins of equally many predictions: mean |prediction - outcome|.

    Predictions that tie share their mean outcome, so the order of the queries never matters. NaN for none.
    """
    predicted, observed = np.asarray(predictions, dtype=float), np.asarray(outcomes, dtype=float)
    if len(predicted) == 0:
        return float("nan")
    _, group = np.unique(predicted, return_inverse=True)
    observed = (np.bincount(group, observed) / np.bincount(group))[group]
    order = np.argsort(predicted, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    errors = [abs(predicted[part].mean() - observed[part].mean()) * len(part) for part in parts]
    return float(sum(errors) / len(predicted))


def bootstrap_interval(
    statistic: Callable[[NDArray[np.int64]], float],
    count: int,
    generator: np.random.Generator,
    draws: int = 500,
) -> tuple[float, float]:
    """95 % percentile interval of `statistic(indices)` over resamples of `count` queries.

    Resamples where the statistic is NaN do not count; NaN for both ends where that is all of them.
    """
    return interval(np.array([statistic(generator.integers(0, count, count)) for _ in range(draws)]))


def interval(values: Floats) -> tuple[float, float]:
    """2.5 and 97.5 percentile of the values that are known; NaN for none."""
    known = values[~np.isnan(values)]
    low, high = np.percentile(known, [2.5, 97.5]) if known.size else (np.nan, np.nan)
    return float(low), float(high)
