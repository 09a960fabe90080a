"""Time: the deadline of a request, in monotonic seconds, and work that must end in time."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from time import perf_counter
from typing import Any, TypeVar

T = TypeVar("T")


class Clock:
    """What is left of a deadline, and whether another step fits into it: none is taken to be longer than the
    longest so far."""

    def __init__(self, deadline_s: float | None, waited_s: float) -> None:
        self._ends = None if deadline_s is None else perf_counter() + deadline_s - waited_s
        self._longest = 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds, never below 0; None without a deadline."""
        return None if self._ends is None else max(0.0, self._ends - perf_counter())

    @property
    def has_passed(self) -> bool:
        """Whether there is no time left at all."""
        return self.left_s == 0.0

    @property
    def is_over(self) -> bool:
        """Whether another step as long as the longest so far would come too late."""
        return self.left_s is not None and self.left_s <= self._longest

    @property
    def in_haste(self) -> bool:
        """Whether there is time for fewer than two such steps more."""
        return self.left_s is not None and self.left_s <= 2 * self._longest

    def share_s(self, last: bool) -> float | None:
        """Seconds that a step may take: half of what is left unless it is the last that may come, so that an
        endpoint that hangs leaves time for the next."""
        if self.left_s is None or last:
            return self.left_s
        return self.left_s / 2

    def lap(self, seconds: float) -> None:
        """A step took so long."""
        self._longest = max(self._longest, seconds)


async def in_time(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """What the work gives. Raises asyncio.TimeoutError where it takes longer, as asyncio.wait_for does; where
    Python can, without a task for it, which takes longer than most of such work."""
    if sys.version_info < (3, 11):
        return await asyncio.wait_for(work, seconds)
    async with asyncio.timeout(seconds):
        return await work
