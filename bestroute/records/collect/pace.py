"""How fast one endpoint is asked: as many calls at once as it bears, none while it asks to wait."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from random import Random

from bestroute.answering.sampling import Sampled

BUSY = (429, 503)
_LONGEST_S = 60.0
_PATIENCE = 10


def backoff(tries: int, base_s: float, random: Random) -> float:
    """Seconds to wait after `tries` failures in a row: doubled each time, at most 60, less up to half."""
    doubled = base_s * 2 ** min(tries - 1, 30) if tries > 0 else 0.0
    return min(_LONGEST_S, doubled) * random.uniform(0.5, 1)


class Lane:
    """The calls to one endpoint address, `most` at once.

    A refusal for load (429, 503) pauses the lane for as long as it says, else for a time that doubles, and
    halves the number at once; every answer raises that by a part of one, back to `most`.
    """

    def __init__(self, most: int, base_s: float, random: Random) -> None:
        self._most = most
        self._base_s = base_s
        self._random = random
        self._limit = float(most)
        self._under_way = 0
        self._pauses = 0
        self._refusals = 0
        self._free_at = 0.0
        self._changed = asyncio.Event()

    @property
    def paused_s(self) -> float:
        """Seconds until the lane may be used again."""
        return max(0.0, self._free_at - time.monotonic())

    @property
    def hopeless(self) -> bool:
        """Whether it was refused so often, with no answer between, that waiting is no use."""
        return self._refusals >= _PATIENCE

    async def enter(self) -> int:
        """Wait for a turn. Gives a ticket for `leave`, which must follow."""
        while (pause_s := self.paused_s) or self._under_way >= int(self._limit):
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._changed.wait(), pause_s or None)
        self._under_way += 1
        return self._pauses

    def leave(self, ticket: int, reply: Sampled) -> None:
        """End a turn and learn from its reply."""
        self._under_way -= 1
        if reply.status in BUSY:
            self._pause(ticket == self._pauses, reply.retry_after_s)
        elif reply.samples:
            self._refusals = 0
            self._limit = min(self._most, self._limit + 1 / self._limit)
        self._changed.set()
        self._changed = asyncio.Event()

    def _pause(self, first: bool, said_s: float | None) -> None:
        """Pause the lane; of calls that were under way together only the first refusal counts."""
        if first:
            self._pauses += 1
            self._refusals += 1
            self._limit = max(1.0, self._limit / 2)
        grown = self._refusals if said_s is None else self._refusals - 1
        wait_s = max(said_s or 0.0, backoff(grown, self._base_s, self._random) if first else 0.0)
        self._free_at = max(self._free_at, time.monotonic() + wait_s)
