"""Quantiles that forget: of two observations the one a half-life older counts half.

Weights grow with time in place of old ones shrinking (forward decay: Cormode et al., ICDE 2009), in buckets
five per cent wide, so that an observation costs one addition and memory does not grow.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from math import ceil, log

HALF_LIFE_S = 60.0
_WIDTH = log(1.05)
_LEAST_S = 0.001
_BUCKETS = ceil(log(4_000_000) / _WIDTH)  # up to more than an hour
_LARGEST_POWER = 60.0


class Latency:
    """How long answers took. Not shared between threads. Times are seconds of one clock."""

    def __init__(self) -> None:
        self._weights = [0.0] * _BUCKETS
        self._sums: list[float] | None = None  # of the weights; None where one was added since
        self._zero: float | None = None

    def add(self, now: float, seconds: float) -> None:
        """One observation."""
        power = self._power(now)
        if power > _LARGEST_POWER:
            scale = 2.0**-power
            self._weights = [weight * scale for weight in self._weights]
            self._zero, power = now, 0.0
        self._weights[_bucket(seconds)] += 2.0**power
        self._sums = None

    def quantile_s(self, now: float, *shares: float) -> tuple[float, ...] | None:
        """The seconds within which each share of the answers came, to five per cent; None where no more is
        left than half an observation's weight, so that what was slow long ago is tried again."""
        sums = self._sums
        if sums is None:
            sums = self._sums = list(accumulate(self._weights))
        if self._zero is None or sums[-1] < 0.5 * 2.0 ** min(self._power(now), 1000.0):
            return None
        return tuple(_seconds(bisect_left(sums, share * sums[-1])) for share in shares)

    def _power(self, now: float) -> float:
        self._zero = now if self._zero is None else self._zero
        return max(0.0, now - self._zero) / HALF_LIFE_S


def _bucket(seconds: float) -> int:
    return min(_BUCKETS - 1, max(0, round(log(max(seconds, _LEAST_S) / _LEAST_S) / _WIDTH)))


def _seconds(bucket: int) -> float:
    return float(_LEAST_S * 1.05**bucket)
