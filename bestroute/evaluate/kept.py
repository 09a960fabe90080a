"""Which recorded response is kept of n drawn, and how likely: as the policy's selector chooses when it
serves.

By reward alone, and wherever two are drawn at most, so that no answer can have a majority, that is exact
order statistics. Else every way to draw is tried, up to 500, or 500 seeded draws stand for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product
from math import comb, prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bestroute.answering.agreement import group
from bestroute.answering.selection import ByReward, Selector
from bestroute.records.quality import selection_weights_of

Floats = NDArray[np.float64]
MOST = 500


class Pool(NamedTuple):
    """All recorded responses of one model: their texts (None where one is not known), rewards, and how many
    checks each fails (none of any if absent)."""

    texts: tuple[str, ...] | None
    rewards: Sequence[float]
    fails: Sequence[int] = ()

    @property
    def order(self) -> list[float]:
        """Rising as what is kept of two: first by the checks that are failed, then by reward (0 to 1)."""
        return [reward - 2 * fails for reward, fails in zip(self.rewards, self.failed, strict=True)]

    @property
    def failed(self) -> Sequence[int]:
        """How many checks each response fails."""
        return self.fails or (0,) * len(self.rewards)


def kept_weights(selector: Selector, pools: Sequence[Pool], ns: Sequence[int]) -> list[Floats]:
    """Probability that each response is the kept one of ns[l] drawn of every pool l: an array (K_l,) a pool.

    Pools without texts go by reward alone.
    """
    if isinstance(selector, ByReward) or sum(ns) <= 2 or any(pool.texts is None for pool in pools):
        return selection_weights_of([pool.order for pool in pools], ns)
    texts = [text for pool in pools for text in pool.texts or ()]
    rewards = [reward for pool in pools for reward in pool.rewards]
    fails = [count for pool in pools for count in pool.failed]
    weights = np.zeros(len(texts))
    drawn = _draws([len(pool.rewards) for pool in pools], ns)
    known: dict[tuple[int, ...], int] = {}
    for draw in drawn:
        if draw not in known:
            known[draw] = _kept(selector, texts, rewards, fails, draw)
        weights[known[draw]] += 1 / len(drawn)
    return np.split(weights, np.cumsum([len(pool.rewards) for pool in pools])[:-1])


def _kept(
    selector: Selector,
    texts: Sequence[str],
    rewards: Sequence[float],
    fails: Sequence[int],
    draw: tuple[int, ...],
) -> int:
    part = [texts[index] for index in draw]
    written = [place for place, text in enumerate(part) if text.strip()]
    if not written:
        return draw[0]
    least = min(fails[draw[place]] for place in written)
    eligible = [place for place in written if fails[draw[place]] == least]
    return draw[selector.select(part, [rewards[index] for index in draw], group(part).of, eligible)]


def _draws(counts: Sequence[int], ns: Sequence[int]) -> list[tuple[int, ...]]:
    """Ways to draw ns[l] of counts[l] responses, numbered through all pools: every one, or 500 at random."""
    starts = np.cumsum([0, *counts])
    pools = [range(start, start + count) for start, count in zip(starts, counts, strict=False)]
    if prod(comb(count, n) for count, n in zip(counts, ns, strict=True)) <= MOST:
        parts = [combinations(pool, n) for pool, n in zip(pools, ns, strict=True)]
        return [tuple(index for part in draw for index in part) for draw in product(*parts)]
    generator = np.random.default_rng(0)
    return [
        tuple(
            int(index)
            for pool, n in zip(pools, ns, strict=True)
            for index in np.sort(generator.choice(pool, n, replace=False))
        )
        for _ in range(MOST)
    ]
