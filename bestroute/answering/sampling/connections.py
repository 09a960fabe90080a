"""Connections to endpoints: one pool for each event loop, opened on first use.

A pool lives inside an async generator: the event loop closes its generators when it shuts down, and with them
the connections, so nobody has to.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncGenerator
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from bestroute.answering.sampling.surroundings import proxy_url
from bestroute.answering.sampling.upstream import Upstream
from bestroute.errors import require

if TYPE_CHECKING:
    from aiohttp import ClientSession

_Lifetime: TypeAlias = "AsyncGenerator[ClientSession, None]"
_MOST_WITHOUT_LIMITS = 10_000
_HEAD_BYTES = 64 * 2**10  # of one header: gateways add long ones

# A generator that nobody holds when its loop ends is closed too late, so a sampler may go before its pools.
_LIVING: set[_Lifetime] = set()


def load() -> None:
    """Import what talks to endpoints. Raises MissingExtra."""
    for module in ("aiohttp", "certifi", "tenacity"):
        require(module, "client")


class _Pool:
    """The connections of one event loop, and the endpoints that they lead to."""

    def __init__(self, session: ClientSession) -> None:
        self.session = session
        self.upstreams: dict[tuple[str, str | None], Upstream] = {}


class Connections:
    """Opens a pool on first use and hands the same one out again; every loop has its own."""

    def __init__(self) -> None:
        self._open: dict[asyncio.AbstractEventLoop, tuple[_Pool, _Lifetime]] = {}
        self._opening: dict[asyncio.AbstractEventLoop, asyncio.Task[_Pool]] = {}

    async def to(self, base_url: str, key: str | None) -> Upstream:
        """The endpoint at this address with this key, on the running loop. Raises MissingExtra, ValueError
        for an address or a proxy that cannot be one, OSError for certificates that cannot be read."""
        loop = asyncio.get_running_loop()
        found = self._open.get(loop)
        pool = found[0] if found is not None else await self._opened(loop)
        upstream = pool.upstreams.get((base_url, key))
        if upstream is None:
            upstream = Upstream(pool.session, base_url, key, proxy_url(base_url))
            pool.upstreams[base_url, key] = upstream
        return upstream

    async def aclose(self) -> None:
        """Close the running loop's connections now; the next call opens new ones."""
        found = self._open.get(asyncio.get_running_loop())
        if found is not None:
            await found[1].aclose()

    async def _opened(self, loop: asyncio.AbstractEventLoop) -> _Pool:
        opening = self._opening.get(loop)
        if opening is None:
            opening = self._opening[loop] = asyncio.ensure_future(self._begin(loop))
            opening.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(opening)

    async def _begin(self, loop: asyncio.AbstractEventLoop) -> _Pool:
        """Open a pool once for all who wait for it. Imports, and reading certificates, take tens of
        milliseconds, in a thread."""
        try:
            trusted = await asyncio.to_thread(_prepared)
            lifetime = self._lifetime(loop, trusted)
            pool = _Pool(await anext(lifetime))
            self._open[loop] = (pool, lifetime)
            _LIVING.add(lifetime)
            return pool
        finally:
            del self._opening[loop]

    async def _lifetime(self, loop: asyncio.AbstractEventLoop, trusted: ssl.SSLContext) -> _Lifetime:
        aiohttp = require("aiohttp", "client")
        session: ClientSession = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trusted, limit=most_connections()),
            cookie_jar=aiohttp.DummyCookieJar(),  # several keys share a pool
            max_line_size=_HEAD_BYTES,
            max_field_size=_HEAD_BYTES,
        )
        async with session:
            try:
                yield session
            finally:
                _LIVING.discard(self._open.pop(loop)[1])


def most_connections() -> int:
    """How many may be open at once: half of the files that this process may open, so that as many callers
    can be served. Whoever comes later waits, in order, for as long as a call may take."""
    try:
        import resource
    except ImportError:  # no such limit is known
        return _MOST_WITHOUT_LIMITS
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return _MOST_WITHOUT_LIMITS if files == resource.RLIM_INFINITY else max(1, files // 2)


def _prepared() -> ssl.SSLContext:
    """Import the client; the certificates that the environment names, else those of the system."""
    load()
    return _context(*map(os.environ.get, ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")))


@lru_cache(maxsize=8)
def _context(file: str | None, folder: str | None, keys: str | None) -> ssl.SSLContext:
    """Read once for an environment: that takes longer than all else of a pool."""
    if file or folder:
        context = ssl.create_default_context(cafile=file or None, capath=folder or None)
    else:
        context = ssl.create_default_context()
        places = ssl.get_default_verify_paths()
        if not places.cafile and not (places.capath and os.listdir(places.capath)):
            context.load_verify_locations(require("certifi", "client").where())
    context.set_alpn_protocols(["http/1.1"])
    return context
