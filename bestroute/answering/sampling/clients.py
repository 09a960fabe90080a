"""Official clients, one for each endpoint, key and event loop.

The official client takes keys, organisations and headers from the environment unless told otherwise; here
an endpoint gets what its policy says and nothing else. Each client lives inside an async generator: the
event loop closes its generators when it shuts down, and with them the connections, so nobody has to.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any, TypeAlias

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
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "host",
    "user-agent",
)
_CLIENT_HEADERS = "x-stainless-"  # the client marks in them how it is to read the response

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


class Clients:
    """Opens clients on first use and hands the same one out again; every loop has its own."""

    def __init__(self, retries: int) -> None:
        self._retries = retries
        self._open: dict[_Place, tuple[AsyncOpenAI, _Lifetime]] = {}

    async def get(self, base_url: str, key: str | None) -> AsyncOpenAI:
        """The client for this address and key on the running loop; MissingExtra without openai."""
        place = (asyncio.get_running_loop(), base_url, key or _NO_KEY)
        if place not in self._open:
            lifetime = self._lifetime(place)
            # Nothing in the generator waits before its first value, so no other task can come between.
            self._open[place] = (await anext(lifetime), lifetime)
            _LIVING.add(lifetime)
        return self._open[place][0]

    async def aclose(self) -> None:
        """Close the running loop's clients now; the next `get` opens new ones."""
        loop = asyncio.get_running_loop()
        for place in [place for place in list(self._open) if place[0] is loop]:
            await self._open[place][1].aclose()

    async def _lifetime(self, place: _Place) -> _Lifetime:
        _, base_url, key = place
        async with _client(base_url, key, self._retries) as client:
            try:
                yield client
            finally:
                _LIVING.discard(self._open.pop(place)[1])


def _client(base_url: str, key: str, retries: int) -> AsyncOpenAI:
    openai = require("openai", "client")
    authorization = f"Bearer {key}"

    async def drop_foreign_headers(request: Any) -> None:
        for name, value in request.headers.multi_items():
            own = name in _OWN_HEADERS or name.startswith(_CLIENT_HEADERS)
            if not own or (name == "authorization" and value != authorization):
                del request.headers[name]

    client: AsyncOpenAI = openai.AsyncOpenAI(
        api_key=key,
        base_url=base_url,
        max_retries=retries,
        default_headers={"Authorization": authorization},
        http_client=openai.DefaultAsyncHttpxClient(event_hooks={"request": [drop_foreign_headers]}),
    )
    return client
