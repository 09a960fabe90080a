"""An answer in pieces: server-sent events from the first chunk on, until the last.

Nothing is sent before the first chunk: until then what goes wrong has a status of its own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from bestroute.answering.answer import Ended, Event
from bestroute.answering.events import Broken, Chunk
from bestroute.serve.entry import Entry
from bestroute.serve.explaining import explained
from bestroute.serve.handling import Ongoing, Service, unless_gone
from bestroute.serve.refusals import Refusal, encoded, refusal_of
from bestroute.serve.wishes import KEY

_BROKEN = Refusal(502, "the answer broke off; the log says why", "stream_broken")


async def begin(
    request: Request, events: AsyncGenerator[Event, None], entry: Entry, service: Service, explain: bool
) -> EventStream:
    """The response of a stream whose first chunk is there. Raises as `Router.astream` before that."""
    told = Told(events, entry, explain)
    try:
        first = await unless_gone(request.receive, told.first())
    except BaseException:
        await events.aclose()
        raise
    return EventStream(first, told, service)


class Told:
    """The events of an answer as they are sent, while the entry learns what they tell."""

    def __init__(self, events: AsyncGenerator[Event, None], entry: Entry, explain: bool) -> None:
        self.events, self.entry, self._explain = events, entry, explain
        self._last: Mapping[str, Any] = {}

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
            yield _event(refusal.as_dict())

    def _sent(self, event: Event) -> bytes:
        if isinstance(event, Chunk):
            self.entry.model = event.model
            self._last = {**event.data, "model": event.model}
            return _event(self._last)
        if isinstance(event, Ended):
            self.entry.answered(event.answer)
            return self._explained(event) + b"data: [DONE]\n\n"
        elif isinstance(event, Broken):
            self.entry.broke(event)
            return _event(_BROKEN.as_dict())
        return b""

    def _explained(self, event: Ended) -> bytes:
        if not self._explain:
            return b""
        return _event({**self._last, "choices": [], "usage": None, KEY: explained(event.answer)})


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
        except (Refusal, asyncio.CancelledError) as error:
            entry.status, entry.error = 499, "caller_gone"
            if isinstance(error, asyncio.CancelledError):
                raise
        finally:
            await self._told.events.aclose()
            self._service.over(entry, 200)

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self._first, "more_body": True})
        async with aclosing(self._told.rest()) as rest:
            async for piece in rest:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def _event(value: Mapping[str, Any]) -> bytes:
    return b"data: " + encoded(value) + b"\n\n"
