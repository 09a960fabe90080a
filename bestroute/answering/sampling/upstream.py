"""Upstream: one endpoint over HTTP. What is sent to it, and its replies, whole or line by line.

An endpoint gets what its policy says and nothing else: no headers, cookies or keys from the environment.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bestroute.answering.sampling.keys import key_headers
from bestroute.errors import SamplingError, require

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

MAX_BYTES = 32 * 2**20
CONNECT_S = 5.0
_AT_ONCE = 2**20  # bytes of a body that are handed over in one piece
_CHAT, _MODELS = "/chat/completions", "/models"
_HEADERS = {"accept": "application/json", "content-type": "application/json", "user-agent": "bestroute"}


class Unreached(Exception):
    """No reply came: no connection could be made, or it broke before there was a status. Its cause says
    why."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url


class BrokenOff(Exception):
    """A reply that ended before it was whole."""


@dataclass(frozen=True)
class Reply:
    """A whole reply of the endpoint at `url`; names of headers are in any case, as the mapping takes them.

    `moved`: it came from where the address asked redirects to.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    charset: str = "utf-8"
    moved: bool = False

    @property
    def refused(self) -> bool:
        """Whether the status says that there is no answer."""
        return self.status >= 300

    @property
    def text(self) -> str:
        """The body as text, in its own encoding where that is known."""
        try:
            return self.body.decode(self.charset, "replace").strip()
        except LookupError:
            return self.body.decode("utf-8", "replace").strip()


class Upstream:
    """An endpoint. Raises ValueError where the address cannot be one."""

    def __init__(self, session: ClientSession, base_url: str, key: str | None, proxy: str | None) -> None:
        from yarl import URL

        self._session, self._proxy = session, proxy
        self._chat, self._models = (URL(_below(base_url, path)) for path in (_CHAT, _MODELS))
        self._headers = {**_HEADERS, **key_headers(base_url, key)}
        self._redirects = "api-key" not in self._headers  # it would go along to another host

    async def ask(self, body: bytes, silence_s: float | None = None) -> Reply:
        """Send a request and read the whole reply. `silence_s` bounds every wait for bytes of it. Raises
        Unreached, TimeoutError, BrokenOff, SamplingError for a reply that is too long."""
        response = await self.open(body, silence_s)
        try:
            return await self.read(response)
        finally:
            response.close()

    async def open(self, body: bytes, silence_s: float | None = None) -> ClientResponse:
        """Send a request; the response once its status is there. It is to be closed, which closes the
        connection where the response was not read to its end. Raises as `ask`."""
        sent: Any = body if len(body) <= _AT_ONCE else io.BytesIO(body)
        return await self._request("POST", self._chat, silence_s, data=sent)

    async def read(self, response: ClientResponse) -> Reply:
        """The whole reply of a response. Raises as `ask`."""
        body, reading = bytearray(), _Reading(response)
        while piece := await reading.more():
            body += piece
        charset, moved = response.charset or "utf-8", bool(response.history)
        return Reply(str(response.url), response.status, response.headers, bytes(body), charset, moved)

    async def greet(self) -> None:
        """Open a connection, by asking which models there are. Raises as `ask`."""
        response = await self._request("GET", self._models, None)
        try:
            await self.read(response)
        finally:
            response.close()

    async def _request(self, method: str, url: Any, silence_s: float | None, **sent: Any) -> ClientResponse:
        aiohttp = require("aiohttp", "client")
        limits = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=silence_s)
        try:
            return await self._session.request(
                method, url, headers=self._headers, proxy=self._proxy, timeout=limits,
                allow_redirects=self._redirects, **sent,
            )  # fmt: skip
        except aiohttp.SocketTimeoutError as error:
            raise asyncio.TimeoutError from error
        except Exception as error:  # whatever the library raises, no reply came
            raise Unreached(str(url)) from error


async def lines(response: ClientResponse) -> AsyncGenerator[str, None]:
    """The lines of a body, each read as a whole, so that no character is cut in two. Raises as
    `Upstream.ask`."""
    rest, reading = b"", _Reading(response)
    while piece := await reading.more():
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace").rstrip("\r")
    if rest:
        yield rest.decode("utf-8", "replace")


class _Reading:
    """The body of a response, read piece by piece."""

    def __init__(self, response: ClientResponse) -> None:
        self._content, self._read, self._failed = response.content, 0, False
        self._failures = (require("aiohttp", "client").ClientError, OSError)

    async def more(self) -> bytes:
        """What came since; b"" at the end. Raises TimeoutError, BrokenOff, and SamplingError where it is
        longer than any answer."""
        try:
            piece = await self._content.readany()
        except asyncio.TimeoutError:
            raise
        except self._failures as error:
            piece = self._held()
            if not piece:
                raise BrokenOff(f"the answer broke off: {_why(error)}") from error
        self._read += len(piece)
        if self._read > MAX_BYTES:
            raise SamplingError(f"the answer is longer than {MAX_BYTES} bytes")
        return piece

    def _held(self) -> bytes:
        """What came before a failure and was not read: the library gives no more of it once it knows of
        one."""
        held = b"" if self._failed else b"".join(getattr(self._content, "_buffer", ()))
        self._failed = True
        return held


def _why(error: Exception) -> str:
    return "the connection was closed before its end" if "not completed" in str(error) else str(error)


def _below(base_url: str, path: str) -> str:
    """An address below the base, whose query goes behind every path, as Azure's ?api-version=... does."""
    parts = urlsplit(base_url)
    return parts._replace(path=parts.path.rstrip("/") + path).geturl()
