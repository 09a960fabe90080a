"""From predictions to a strategy: three rules, each with one dial.

Dials lie at quantiles of the predictions at which some query changes its arm, so that their steps move about
equally many queries. That reads no outcome: a served router could set them so too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bestroute.evaluate.baselines.examples import Floats
from bestroute.evaluate.curve import Strategy

DIALS = 40


def by_utility(name: str, quality: Floats, cost: Floats, predicted: Floats | None = None) -> Strategy:
    """Each query takes the arm of highest quality - dial * cost; ties go to the earlier arm.

    `quality` and `cost` (US$), both predicted, have shape (queries, arms), the reference last. The dial is in
    quality points per US$, from where every query keeps the reference to where each takes its cheapest arm.
    It begins below zero: a prediction that takes a cheap arm for the better one can then be distrusted.
    """
    dials = _utility_dials(quality, cost)
    choice = np.array([(quality - dial * cost).argmax(axis=1) for dial in dials])
    return Strategy(name, dials, one_hot(choice, quality.shape[1]), predicted)


def by_threshold(name: str, gaps: Floats, order: NDArray[np.int64]) -> Strategy:
    """Each query takes the first arm, in this order, whose gap is at most the dial.

    `gaps` has shape (queries, arms): what an arm is predicted to lose, in any unit; the reference,
    last, loses nothing at any dial.
    """
    gaps = np.column_stack([gaps[:, :-1], np.full(len(gaps), -np.inf)])
    dials = _spread(gaps[:, :-1], DIALS)
    within = gaps[:, order] <= dials[:, None, None]
    return Strategy(name, dials, one_hot(order[within.argmax(axis=2)], gaps.shape[1]))


def by_margin(name: str, chances: Floats) -> Strategy:
    """Each query takes the most probable arm after the dial was added to the probability of the reference.

    `chances` has shape (queries, arms), the reference last; ties go to the earlier arm.
    """
    lead = chances[:, :-1].max(axis=1, initial=-1.0) - chances[:, -1]
    dials = np.unique([0.0, *_spread(lead, DIALS)])
    bonus = np.zeros((len(dials), 1, chances.shape[1]))
    bonus[:, 0, -1] = dials
    return Strategy(name, dials, one_hot((chances + bonus).argmax(axis=2), chances.shape[1]))


def one_hot(choice: NDArray[np.int64], arms: int) -> Floats:
    """Shares (..., arms) of a choice (...): all of each query to its arm."""
    shares: Floats = np.eye(arms)[choice]
    return shares


def _utility_dials(quality: Floats, cost: Floats) -> Floats:
    """Most where a query leaves the reference, the rest where it comes to its cheapest arm."""
    rows, cheapest = np.arange(len(cost)), cost.argmin(axis=1)
    leaves = _slopes(quality, cost, quality[:, -1], cost[:, -1], below=True).min(axis=1)
    arrives = _slopes(quality, cost, quality[rows, cheapest], cost[rows, cheapest], below=False).max(axis=1)
    far = DIALS // 4
    parts = [
        _spread(values[np.isfinite(values)], count)
        for values, count in ((leaves, DIALS - far), (arrives, far))
    ]
    return np.unique(np.concatenate(parts))


def _slopes(quality: Floats, cost: Floats, best: Floats, at: Floats, below: bool) -> Floats:
    """Quality points per US$ from each arm to one at (best, at); infinite for arms not on that side of it."""
    run = cost - at[:, None]
    usable = run < 0 if below else run > 0
    slopes = np.full(cost.shape, np.inf if below else -np.inf)
    np.divide(quality - best[:, None], run, out=slopes, where=usable)
    return slopes


def _spread(values: Floats, count: int) -> Floats:
    """Rising dials at quantiles of the values, and one beyond each end; [0] where there are no values."""
    if values.size == 0:
        return np.zeros(1)
    inner = np.quantile(values, np.linspace(0, 1, count - 2))
    reach = max(inner[-1] - inner[0], abs(inner[0]), abs(inner[-1]), 1e-9) / 100
    return np.unique([inner[0] - reach, *inner, inner[-1] + reach])
