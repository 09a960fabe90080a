"""Official clients, one for each endpoint, key and event loop.

The official client takes keys, organisations and headers from the environment unless told otherwise; here
an endpoint gets what its policy says and nothing else. Each client lives inside an async generator: the
event loop closes its generators when it shuts down, and with them the connections, so nobody has to.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextvars import ContextVar
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from bestroute.errors import SamplingError, require
from bestroute.policy.arms import Endpoint

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_Lifetime: TypeAlias = "AsyncGenerator[AsyncOpenAI, None]"

_Place: TypeAlias = tuple[asyncio.AbstractEventLoop, str, str]

_NO_KEY = "no-key"
_OWN_HEADERS = (
    "accept",
    "accept-encoding",
    "api-key",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "host",
    "user-agent",
)
_KEY_HEADERS = ("api-key", "authorization")
_CLIENT_HEADERS = "x-stainless-"  # the client marks in them how it is to read the response

_AZURE_HOSTS = (".azure.com", ".azure.us", ".azure.cn", ".azure-api.net")

NAMED: Mapping[str, Any] = {"model": "", "messages": ()}
"""What the client wants named; the body of the request goes before it. Named messages it copies part by part,
which takes longer the longer they are."""

on_failure: ContextVar[Callable[[bytes], None] | None] = ContextVar("on_failure", default=None)
"""Is told the body of every reply with an error status."""

# A generator that nobody holds when its loop ends is closed too late, so a sampler may go before its clients.
_LIVING: set[_Lifetime] = set()


def read_key(endpoint: Endpoint, model_name: str) -> str | None:
    """The endpoint's key, from the environment variable it names; None where it names none.

    Raises SamplingError, naming the variable and never its value, when the variable is unset or no key.
    """
    variable = endpoint.api_key_env
    if variable is None:
        return None
    key = os.environ.get(variable, "").strip()
    if not key:
        raise SamplingError(
            f"environment variable {variable} is not set; "
            f"export it, or take api_key_env out of the endpoint of model {model_name!r}"
        )
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise SamplingError(f"environment variable {variable} holds characters that no key has")
    return key


def load() -> None:
    """Import what talks to endpoints. Raises MissingExtra."""
    for module in ("openai", "tenacity"):
        require(module, "client")


class Clients:
    """Opens clients on first use and hands the same one out again; every loop has its own."""

    def __init__(self) -> None:
        self._open: dict[_Place, tuple[AsyncOpenAI, _Lifetime]] = {}
        self._opening: dict[_Place, asyncio.Task[AsyncOpenAI]] = {}

    async def get(self, base_url: str, key: str | None) -> AsyncOpenAI:
        """The client for this address and key on the running loop; MissingExtra without openai."""
        place = (asyncio.get_running_loop(), base_url, key or _NO_KEY)
        if place in self._open:
            return self._open[place][0]
        opening = self._opening.get(place)
        if opening is None:
            opening = self._opening[place] = asyncio.ensure_future(self._begin(place))
            opening.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(opening)

    async def _begin(self, place: _Place) -> AsyncOpenAI:
        """Open a client once for all who wait for it, in a thread: the import alone takes a third of a
        second, and reading certificates tens of milliseconds."""
        try:
            client = await asyncio.to_thread(_client, *place[1:])
            lifetime = self._lifetime(place, client)
            self._open[place] = (await anext(lifetime), lifetime)
            _LIVING.add(lifetime)
            return client
        finally:
            del self._opening[place]

    async def aclose(self) -> None:
        """Close the running loop's clients now; the next `get` opens new ones."""
        loop = asyncio.get_running_loop()
        for place in [place for place in list(self._open) if place[0] is loop]:
            await self._open[place][1].aclose()

    async def _lifetime(self, place: _Place, client: AsyncOpenAI) -> _Lifetime:
        async with client:
            try:
                yield client
            finally:
                _LIVING.discard(self._open.pop(place)[1])


def _client(base_url: str, key: str) -> AsyncOpenAI:
    load()
    openai = require("openai", "client")
    address, query = _split(base_url)
    own = _key_headers(base_url, key)

    async def drop_foreign_headers(request: Any) -> None:
        for name, value in request.headers.multi_items():
            known = name in _OWN_HEADERS or name.startswith(_CLIENT_HEADERS)
            if not known or (name in _KEY_HEADERS and value != own.get(name)):
                del request.headers[name]

    async def tell_of_failures(response: Any) -> None:
        tell = on_failure.get()
        if tell is not None and response.is_error:
            tell(await response.aread())

    hooks = {"request": [drop_foreign_headers], "response": [tell_of_failures]}
    client: AsyncOpenAI = openai.AsyncOpenAI(
        api_key=key,
        base_url=address,
        max_retries=0,  # `tries` knows the time there is, and where else to ask
        default_headers={name.title(): value for name, value in own.items()},
        default_query=query,
        http_client=openai.DefaultAsyncHttpxClient(event_hooks=hooks, verify=_trust()),
    )
    return client


def _trust() -> Any:
    """The certificates that the environment names, read once: that takes longer than all else of a client."""
    return _context(*map(os.environ.get, ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")))


@lru_cache(maxsize=8)
def _context(*named: str | None) -> Any:
    client = require("openai", "client").DefaultAsyncHttpxClient
    library = client.__bases__[0].__module__.partition(".")[0]  # httpx, or whatever it is built on
    return import_module(library).create_ssl_context()


def _split(base_url: str) -> tuple[str, dict[str, object]]:
    """The address and the query that goes behind every path, as Azure's ?api-version=... does."""
    parts = urlsplit(base_url)
    return parts._replace(query="").geturl(), dict(parse_qsl(parts.query))


def _key_headers(base_url: str, key: str) -> dict[str, str]:
    """A key goes as a bearer; Azure takes its own keys, which are no tokens, in `api-key`.

    A gateway before Azure, at an address of its own with ?api-version=..., may take either, and gets both.
    """
    bearer = {"authorization": f"Bearer {key}"}
    parts = urlsplit(base_url)
    if (parts.hostname or "").endswith(_AZURE_HOSTS):
        return bearer if key.count(".") == 2 else {"api-key": key}
    return {**bearer, "api-key": key} if parts.query else bearer
