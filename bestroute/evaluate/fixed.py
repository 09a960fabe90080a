"""Strategies without parameters: what any router must beat, and what none can.

Shares of these are the same for every query, but for the oracle's, which looks at the outcome.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from bestroute.evaluate.curve import Strategy
from bestroute.evaluate.replay import Floats, Replay

STEPS = 100
STATIC_MIX, RANDOM, ORACLE = FIXED = ("static_mix", "random", "oracle")


def fixed_strategies(replay: Replay) -> list[Strategy]:
    """Every fixed arm, the static mix, random, the oracle."""
    arms = [fixed_arm(replay, index) for index in range(len(replay.arms))]
    return [*arms, static_mix(replay), random_mix(replay), oracle(replay)]


def fixed_arm(replay: Replay, arm: int) -> Strategy:
    """One arm for every query; the dial has one setting."""
    name = f"fixed:{replay.arms[arm].label}"
    return Strategy(name, np.zeros(1), _for_all(np.eye(len(replay.arms))[[arm]], replay))


def static_mix(replay: Replay) -> Strategy:
    """Every pair of arms in every mix, in steps of one in a hundred: the hull of the fixed arms.

    It looks at no query. The dial numbers the mixes.
    """
    arms = np.eye(len(replay.arms))
    part = np.linspace(0, 1, STEPS + 1)[:, None]
    mixes = [(1 - part) * arms[a] + part * arms[b] for a, b in combinations(range(len(arms)), 2)] or [arms]
    table = np.concatenate(mixes)
    return Strategy(STATIC_MIX, np.arange(len(table), dtype=float), _for_all(table, replay))


def random_mix(replay: Replay) -> Strategy:
    """Any arm with the same probability at rate `dial`, else the reference."""
    dials = np.linspace(0, 1, STEPS + 1)
    count = len(replay.arms)
    table = dials[:, None] * np.full(count, 1 / count) + (1 - dials[:, None]) * np.eye(count)[-1]
    return Strategy(RANDOM, dials, _for_all(table, replay))


def oracle(replay: Replay) -> Strategy:
    """The arm with the largest quality - dial * cost by what each gave and cost; ties go to the cheaper.

    The dial is quality points per US$, at quantiles of what the arms' exchanges are worth, from 0 (the best
    arm) to twice the largest (the cheapest). At each dial no choice has more of quality - dial * cost, so no
    strategy has a higher hull. (Taking the cheapest arm that is as good as the reference gives less: it does
    not know where a better arm pays for a worse one.)
    """
    rates = _exchange_rates(replay)
    dials = np.concatenate([[0.0], rates, 2 * rates[-1:]])
    by_cost = np.argsort(replay.cost, axis=1, kind="stable")
    quality = np.take_along_axis(replay.quality, by_cost, axis=1)
    cost = np.take_along_axis(replay.cost, by_cost, axis=1)
    shares = np.zeros((len(dials), *replay.quality.shape))
    rows = np.arange(len(by_cost))
    for index, dial in enumerate(dials):
        best = np.argmax(quality - dial * cost, axis=1)
        shares[index, rows, by_cost[rows, best]] = 1.0
    return Strategy(ORACLE, dials, shares)


def _exchange_rates(replay: Replay) -> Floats:
    """Quantiles of quality gained per US$ between two arms of a query, where the dearer one is better."""
    rates = []
    for a, b in combinations(range(len(replay.arms)), 2):
        gain, price = replay.quality[:, b] - replay.quality[:, a], replay.cost[:, b] - replay.cost[:, a]
        known = (gain != 0) & (price != 0)
        rates.append(gain[known] / price[known])
    found = np.concatenate(rates) if rates else np.empty(0)
    found = found[found > 0]
    return np.unique(np.quantile(found, np.linspace(0, 1, 60))) if found.size else np.empty(0)


def _for_all(table: Floats, replay: Replay) -> Floats:
    """Shares (dials, arms) as those of every query."""
    return np.broadcast_to(table[:, None, :], (len(table), len(replay.texts), table.shape[1]))
