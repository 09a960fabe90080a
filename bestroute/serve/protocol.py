"""HTTP within limits, before there is a request: heads that are too large or too slow.

uvicorn on httptools bounds neither the number of headers nor the time that they take. It sends the head of a
response on its own, too.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bestroute.serve.refusals import Refusal, encoded
from bestroute.serve.settings import Limits

MOST_HEADERS = 100
MOST_BYTES = 32 * 2**10
_REASONS = {400: "Bad Request", 408: "Request Timeout", 431: "Request Header Fields Too Large"}


class TooLarge(Exception):
    """The head of a request is larger than any needs to be."""


class _Joining:
    """A transport that sends the head of a response along with what follows at once: every write wakes its
    reader, which a head alone tells nothing."""

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._head: bytes | None = None
        self._begun = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._begun:
            self._begun, self._head = True, data
            self._loop.call_soon(self._send_head)
        elif self._head is not None:
            head, self._head = self._head, None
            self._transport.write(head + data)
        else:
            self._transport.write(data)

    def close(self) -> None:
        self._send_head()
        self._transport.close()

    def _send_head(self) -> None:
        if self._head is not None:
            head, self._head = self._head, None
            self._transport.write(head)


class BoundedProtocol(HttpToolsProtocol):
    """A connection whose requests must come with a head of some size, and in time."""

    head_s = Limits().head_s

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give the first head its time."""
        super().connection_made(transport)
        self._refused = False
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """No head is awaited any more."""
        self._head_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Nothing is read after a refusal."""
        if not self._refused:
            super().data_received(data)

    def on_message_begin(self) -> None:
        """Give this head its time; it is counted anew."""
        super().on_message_begin()
        self._size = 0
        self._wait()

    def on_url(self, url: bytes) -> None:
        """Count it."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count it."""
        self._count(len(name) + len(value))
        super().on_header(name, value)
        if len(self.headers) > MOST_HEADERS:
            raise TooLarge

    def on_headers_complete(self) -> None:
        """It came in time."""
        self._head_timer.cancel()
        super().on_headers_complete()
        if self.cycle is not None:
            self.cycle.transport = _Joining(self.cycle.transport, self.loop)  # type: ignore[assignment]

    def send_400_response(self, msg: str) -> None:
        """A request that cannot be read is refused in the same shape as any other."""
        large = self._size > MOST_BYTES or len(self.headers or ()) > MOST_HEADERS
        told = f"the head of a request may have {MOST_HEADERS} headers and {MOST_BYTES} bytes"
        self._refuse(Refusal(431, told, "head_too_large") if large else Refusal(400, msg, "invalid_http"))

    _size = 0

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > MOST_BYTES:
            raise TooLarge

    def _wait(self) -> None:
        timer: Any = getattr(self, "_head_timer", None)
        if timer is not None:
            timer.cancel()
        self._head_timer = self.loop.call_later(self.head_s, self._too_slow)

    def _too_slow(self) -> None:
        under_way = self.cycle is not None and not self.cycle.response_complete
        if self.transport.is_closing() or under_way:
            return
        self._refuse(Refusal(408, f"no request came within {self.head_s:g} s", "request_timeout"))

    def _refuse(self, refusal: Refusal) -> None:
        self._refused = True
        body = encoded(refusal.as_dict())
        head = (
            f"HTTP/1.1 {refusal.status} {_REASONS[refusal.status]}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode("ascii") + body)
        self.transport.close()
