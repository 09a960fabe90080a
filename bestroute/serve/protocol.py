"""HTTP within limits, before there is a request: heads that are too large or too slow.

uvicorn on httptools bounds neither the number of headers nor the time that they take, answers a request of
HTTP/1.1 that names no host, and loses the body of one that would rather speak another protocol, as Java's
clients would (`Upgrade: h2c`). It sends the head of a response on its own, too.
"""

from __future__ import annotations

import asyncio
from typing import Any, NoReturn

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bestroute.serve.refusals import Refusal, encoded
from bestroute.serve.settings import Limits

MOST_HEADERS = 100
MOST_BYTES = 32 * 2**10
_REASONS = {400: "Bad Request", 408: "Request Timeout", 431: "Request Header Fields Too Large"}
_INVALID = "Invalid HTTP request received."
_TOO_LARGE = Refusal(
    431, f"the head of a request may have {MOST_HEADERS} headers and {MOST_BYTES} bytes", "head_too_large"
)


class Unfit(Exception):
    """The head of a request is refused before all of it is read."""


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


def _parser_for(protocol: HttpToolsProtocol) -> httptools.HttpRequestParser:
    """A parser as uvicorn makes it."""
    parser = httptools.HttpRequestParser(protocol)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser


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
        """Nothing is read after a refusal, and no other protocol is spoken: a wish for one is passed over."""
        if self._refused:
            return
        self._unset_keepalive_if_required()
        rest = memoryview(data)
        try:
            while (read := self._fed(rest)) is not None:
                head = self._head_without_upgrade()
                self.parser = _parser_for(self)  # one that has read a last request takes no further head
                self._fed(head)
                rest = rest[read:]
        except httptools.HttpParserError:
            self.logger.warning(_INVALID)
            self.send_400_response(_INVALID)

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
            self._unfit(_TOO_LARGE)

    def on_headers_complete(self) -> None:
        """It came in time."""
        self._head_timer.cancel()
        if self.parser.should_upgrade():
            return
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() == "1.1"):
            self._unfit(Refusal(400, "a request of HTTP/1.1 has one Host header", "invalid_http"))
        super().on_headers_complete()
        if self.cycle is not None:
            self.cycle.transport = _Joining(self.cycle.transport, self.loop)  # type: ignore[assignment]

    def on_message_complete(self) -> None:
        """A head with a wish for another protocol is no message yet."""
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """A request that cannot be read is refused in the same shape as any other."""
        self._refuse(self._fault or Refusal(400, msg, "invalid_http"))

    _size = 0
    _fault: Refusal | None = None

    def _fed(self, data: bytes | memoryview) -> int | None:
        """Parse it; where it has a head with a wish for another protocol, how far that goes."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            return int(upgrade.args[0])
        return None

    def _head_without_upgrade(self) -> bytes:
        """The head that was just read, without its wish, since the parser takes what follows one for bytes of
        the other protocol, not for a body."""
        method = self.parser.get_method()
        if method == b"CONNECT":
            raise httptools.HttpParserInvalidMethodError
        version = self.parser.get_http_version().encode("ascii")
        lines = [b"%s %s HTTP/%s" % (method, self.url, version)]
        lines += [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])

    def _unfit(self, refusal: Refusal) -> NoReturn:
        self._fault = refusal
        raise Unfit

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > MOST_BYTES:
            self._unfit(_TOO_LARGE)

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
