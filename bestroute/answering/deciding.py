"""Deciding what the requests of an event loop ask.

Where a rule routes a short request, that takes less time than a worker thread to wake. The others go to a
thread, one batch after another: those that come while the router model is at work are decided together, which
takes less of its time than one by one, and fewer threads than requests want Python at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias
from weakref import WeakKeyDictionary

from bestroute.decision import Health
from bestroute.decision.chooser import Chooser
from bestroute.decision.order import Asked
from bestroute.query import Query

_MOST_AT_ONCE = 16  # the first of a burst goes on its way before the last is decided
_PATIENCE_S = 1.0  # a batch that takes longer has a router model that hangs, and must not hold up the rest
_SHORT_CHARACTERS = 4_000
_SHORT_MESSAGES = 32

_Batch: TypeAlias = "list[tuple[Query, Health | None, asyncio.Future[Asked]]]"


@dataclass
class _Line:
    """Who waits on one event loop, and how many batches are at work."""

    waiting: deque[tuple[Query, Health | None, asyncio.Future[Asked]]] = field(default_factory=deque)
    at_work: int = 0


class Deciding:
    """Decides for event loops. `turn` makes of a query the turn of the conversation that it is. Safe to share
    between event loops; a request that goes away takes nothing from the others."""

    def __init__(self, chooser: Chooser, turn: Callable[[Query], Query]) -> None:
        self._chooser, self._turn = chooser, turn
        self._lines: WeakKeyDictionary[asyncio.AbstractEventLoop, _Line] = WeakKeyDictionary()

    async def decide(self, query: Query, health: Health | None, left_s: float | None) -> Asked:
        """One query, decided by what is known of endpoints. Raises as Router.route, and asyncio.TimeoutError
        where it would take longer than `left_s` seconds."""
        if self._chooser.routes and _is_short(query):
            asked = self._chooser.ruled(self._turn(query), health)
            if asked is not None:
                return asked
        loop = asyncio.get_running_loop()
        line = self._lines.get(loop)
        if line is None:
            line = self._lines[loop] = _Line()
        decided: asyncio.Future[Asked] = loop.create_future()
        line.waiting.append((query, health, decided))
        if not line.at_work:
            self._begin(line, loop)
        return await asyncio.wait_for(decided, left_s)

    def _begin(self, line: _Line, loop: asyncio.AbstractEventLoop) -> None:
        """Put the next batch to work, if anybody waits."""
        batch: _Batch = []
        while line.waiting and len(batch) < _MOST_AT_ONCE:
            one = line.waiting.popleft()
            if not one[2].done():  # who went away is not decided for
                batch.append(one)
        if not batch:
            return
        line.at_work += 1
        going = loop.run_in_executor(None, self._decided, [(query, health) for query, health, _ in batch])
        hangs = loop.call_later(_PATIENCE_S, self._begin, line, loop)

        def ended(came: asyncio.Future[list[Asked | Exception]]) -> None:
            hangs.cancel()
            line.at_work -= 1
            if not line.at_work:
                self._begin(line, loop)
            _tell(batch, came)

        going.add_done_callback(ended)

    def _decided(self, batch: Sequence[tuple[Query, Health | None]]) -> list[Asked | Exception]:
        return self._chooser.together([(self._turn(query), health) for query, health in batch])


def _tell(batch: _Batch, came: asyncio.Future[list[Asked | Exception]]) -> None:
    failure = None if came.cancelled() else came.exception()
    for index, (_, _, decided) in enumerate(batch):
        if decided.done():
            continue
        if came.cancelled():
            decided.cancel()
            continue
        found = failure or came.result()[index]
        if isinstance(found, BaseException):
            decided.set_exception(found)
        else:
            decided.set_result(found)


def _is_short(query: Query) -> bool:
    """Whether all of a request is: no long message, no tools or schema."""
    if query.beside or len(query.messages) > _SHORT_MESSAGES:
        return False
    left = _SHORT_CHARACTERS
    for message in query.messages:
        content = message.get("content")
        left -= len(content) if isinstance(content, str) else _SHORT_CHARACTERS if content else 0
    return left >= 0
