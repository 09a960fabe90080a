"""A limit to what is under way at once, held across threads and event loops, in the order of arrival.

asyncio's semaphore belongs to one event loop; every `Router.complete` runs one of its own.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque


class Gate:
    """Lets at most `limit` in; `enter` waits for its turn, and each that entered must `leave` once."""

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._lock = threading.Lock()

    async def enter(self, patience_s: float) -> None:
        """Wait for a turn. Raises asyncio.TimeoutError after so many seconds; that, like being cancelled,
        gives the turn up."""
        with self._lock:
            if self._free:
                self._free -= 1
                return
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
        try:
            await asyncio.wait_for(turn, patience_s)
        except BaseException:
            if not self._withdraw(turn):
                self.leave()
            raise

    def leave(self) -> None:
        """Give the turn to whoever has waited longest."""
        with self._lock:
            while self._waiting:
                turn = self._waiting.popleft()
                try:
                    turn.get_loop().call_soon_threadsafe(_grant, turn)
                except RuntimeError:  # its loop has ended without it
                    continue
                return
            self._free += 1

    def _withdraw(self, turn: asyncio.Future[None]) -> bool:
        """Whether it still waited; where not, the turn was given to it already."""
        with self._lock:
            try:
                self._waiting.remove(turn)
            except ValueError:
                return False
            return True


def _grant(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)
