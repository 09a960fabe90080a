"""An answer in pieces: server-sent events from the first chunk on, until the last.

Nothing is sent before the first chunk: until then what goes wrong has a status of its own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, Protocol

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from bestroute.answering.answer import Ended, Event
from bestroute.answering.events import Broken, Chunk
from bestroute.answering.sampling import Usage
from bestroute.serve.entry import Entry
from bestroute.serve.explaining import explained
from bestroute.serve.handling import Ongoing, Service, unless_gone
from bestroute.serve.refusals import SHUTTING_DOWN, Refusal, refusal_of
from bestroute.serve.wishes import KEY

_BROKEN = Refusal(502, "the answer broke off; the log says why", "stream_broken")


class Events(Protocol):
    """How the parts of a stream are told to whoever asks."""

    def chunk(self, data: Mapping[str, Any]) -> bytes:
        """What a Chat Completions chunk adds."""
        ...

    def ended(self, usage: Usage, more: Mapping[str, Any]) -> bytes:
        """The end, with what was billed, and further fields, if any."""
        ...

    def error(self, refusal: Refusal) -> bytes:
        """Why nothing more comes."""
        ...


async def begin(request: Request, told: Told, service: Service) -> EventStream:
    """The response of a stream whose first chunk is there. Raises as `Router.astream` before that."""
    try:
        first = await unless_gone(request.receive, told.first())
    except BaseException:
        await told.events.aclose()
        raise
    return EventStream(first, told, service)


class Told:
    """The events of an answer as they are sent, while the entry learns what they tell."""

    def __init__(
        self, events: AsyncGenerator[Event, None], words: Events, entry: Entry, explain: bool
    ) -> None:
        self.events, self.entry, self._words, self._explain = events, entry, words, explain

    async def first(self) -> bytes:
        """Everything up to the first chunk."""
        async for event in self.events:
            sent = self._sent(event)
            if sent:
                self.entry.first_s = time.perf_counter() - self.entry.began
                return sent
        return b""

    async def rest(self) -> AsyncGenerator[bytes, None]:
        """Everything after it; an error that comes now is an event too."""
        try:
            async for event in self.events:
                sent = self._sent(event)
                if sent:
                    yield sent
        except Exception as error:
            refusal = refusal_of(error)
            self.entry.error = refusal.code or refusal.kind
            yield self._words.error(refusal)

    def error(self, refusal: Refusal) -> bytes:
        """Why nothing more comes."""
        return self._words.error(refusal)

    def _sent(self, event: Event) -> bytes:
        if isinstance(event, Chunk):
            self.entry.model = event.model
            return self._words.chunk({**event.data, "model": event.model})
        if isinstance(event, Ended):
            self.entry.answered(event.answer)
            more = {KEY: explained(event.answer)} if self._explain else {}
            return self._words.ended(event.answer.usage, more)
        elif isinstance(event, Broken):
            self.entry.broke(event)
            return self._words.error(_BROKEN)
        return b""


class EventStream(Ongoing):
    """The response; a caller who goes away ends what is under way at the endpoint."""

    def __init__(self, first: bytes, told: Told, service: Service) -> None:
        super().__init__(media_type="text/event-stream", headers={"cache-control": "no-cache"})
        del self.headers["content-length"]
        self._first, self._told, self._service = first, told, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it all."""
        entry = self._told.entry
        try:
            await unless_gone(receive, self._send(send))
        except Refusal as refusal:
            entry.status, entry.error = refusal.status, refusal.code
        except asyncio.CancelledError:  # uvicorn's, when the time to drain is over
            entry.status, entry.error = SHUTTING_DOWN.status, SHUTTING_DOWN.code
        finally:
            await self._told.events.aclose()
            self._service.over(entry, 200)
        if entry.error == SHUTTING_DOWN.code:  # once it is recorded: who reads slowly may hold this up
            await send({"type": "http.response.body", "body": self._told.error(SHUTTING_DOWN)})

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self._first, "more_body": True})
        async with aclosing(self._told.rest()) as rest:
            async for piece in rest:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
