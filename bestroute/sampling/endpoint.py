"""Sample from OpenAI-compatible endpoints with the official client.

Retries, their growing and jittered waits and `Retry-After` are the official client's own. Added here: n
responses from one call or from many, with whatever came kept when some of it failed.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from bestroute.arms import Model
from bestroute.errors import MissingExtra, SamplingError
from bestroute.policy import Sampling
from bestroute.query import Query
from bestroute.sampling.call import Call
from bestroute.sampling.clients import Clients, read_key
from bestroute.sampling.values import Sampled, Usage


class EndpointSampler:
    """Asks the endpoint that a model's policy entry names.

    A call is tried `retries` times more on connection failures and on statuses 408, 409, 429 and 5xx, as
    far as its time allows. `concurrency` bounds the calls under way for one `sample`. Connections are kept
    for each event loop and closed with it; `aclose` closes them sooner.
    """

    def __init__(self, *, retries: int = 2, concurrency: int = 16) -> None:
        self._clients = Clients(retries)
        self._concurrency = concurrency
        self._refused: defaultdict[tuple[str, str], set[str]] = defaultdict(set)

    async def sample(self, model: Model, query: Query, n: int, settings: Sampling) -> Sampled:
        """Ask for n responses: one call where the endpoint takes n, else n calls at a time.

        A native endpoint that gives fewer than n is asked for the missing ones one by one. Each call takes
        at most the endpoint's `timeout_s` (else the settings'), its retries included. Endpoint trouble is
        told in `errors`; raises MissingExtra where openai is not installed.
        """
        try:
            call, native = await self._prepare(model, query, settings)
        except MissingExtra:
            raise
        except Exception as error:  # an address or a key that the HTTP library refuses is trouble too
            return Sampled(errors=(str(error),))
        if not native or n == 1:
            return _join(await self._repeat(call, n))
        first = await call(n)
        missing = n - len(first.samples) - len(first.errors) if first.samples else 0
        return _join([first, *await self._repeat(call, missing)])

    async def aclose(self) -> None:
        """Close the connections of the running event loop."""
        await self._clients.aclose()

    async def _prepare(self, model: Model, query: Query, settings: Sampling) -> tuple[Call, bool]:
        endpoint = model.endpoint
        if endpoint is None:
            raise SamplingError(f"model {model.name!r} has no endpoint; give it one in the policy")
        key = read_key(endpoint, model.name)
        client = await self._clients.get(endpoint.base_url, key)
        name = endpoint.model or model.name
        body = {
            "model": name,
            "messages": [dict(message) for message in query.messages],
            "temperature": settings.temperature,
            "max_tokens": settings.max_tokens,
        }
        refused = self._refused[endpoint.base_url, name]
        call = Call(client, body, endpoint.timeout_s or settings.timeout_s, key, refused)
        return call, endpoint.samples == "native"

    async def _repeat(self, call: Call, times: int) -> list[Sampled]:
        gate = asyncio.Semaphore(self._concurrency)

        async def one() -> Sampled:
            async with gate:
                return await call(1)

        return await asyncio.gather(*(one() for _ in range(times)))


def _join(replies: Sequence[Sampled]) -> Sampled:
    return Sampled(
        tuple(sample for reply in replies for sample in reply.samples),
        tuple(error for reply in replies for error in reply.errors),
        Usage.total(reply.usage for reply in replies if reply.samples),
    )
