"""Sample from OpenAI-compatible endpoints with the official client.

Retries, their growing and jittered waits and `Retry-After` are the official client's own. Added here: n
responses from one call or from many, with whatever came kept when some of it failed.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from bestroute.answering.sampling.call import Call
from bestroute.answering.sampling.clients import Clients, read_key
from bestroute.answering.sampling.values import Sampled, Usage
from bestroute.errors import MissingExtra, SamplingError
from bestroute.policy import Sampling
from bestroute.policy.arms import Model
from bestroute.query import Query


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
        call = await self._prepare(model, query, settings)
        if isinstance(call, Sampled):
            return call
        if not model.native or n == 1:
            return _join(await self._repeat(call, n))
        first = await call(n)
        missing = n - len(first.samples) - len(first.errors) if first.samples else 0
        return _join([first, *await self._repeat(call, missing)])

    async def call(self, model: Model, query: Query, n: int, settings: Sampling) -> Sampled:
        """Ask for n responses in a single call, and give what came of it, which may be fewer.

        For those who keep every reply as soon as it is there; time, trouble and MissingExtra are as in
        `sample`.
        """
        call = await self._prepare(model, query, settings)
        return call if isinstance(call, Sampled) else await call(n)

    async def aclose(self) -> None:
        """Close the connections of the running event loop."""
        await self._clients.aclose()

    async def _prepare(self, model: Model, query: Query, settings: Sampling) -> Call | Sampled:
        """A call that is ready to be sent, or why none can be."""
        try:
            return await self._open(model, query, own_settings(model, settings))
        except MissingExtra:
            raise
        except Exception as error:  # an address or a key that the HTTP library refuses is trouble too
            return Sampled(errors=(str(error),))

    async def _open(self, model: Model, query: Query, settings: Sampling) -> Call:
        endpoint = model.endpoint
        if endpoint is None:
            raise SamplingError(f"model {model.name!r} has no endpoint; give it one in the policy")
        key = read_key(endpoint, model.name)
        client = await self._clients.get(endpoint.base_url, key)
        body = {
            "model": model.served_as,
            "messages": [dict(message) for message in query.messages],
            "temperature": settings.temperature,
            "max_tokens": settings.max_tokens,
        }
        refused = self._refused[endpoint.base_url, model.served_as]
        return Call(client, body, settings.timeout_s, key, refused)

    async def _repeat(self, call: Call, times: int) -> list[Sampled]:
        gate = asyncio.Semaphore(self._concurrency)

        async def one() -> Sampled:
            async with gate:
                return await call(1)

        return await asyncio.gather(*(one() for _ in range(times)))


def own_settings(model: Model, settings: Sampling) -> Sampling:
    """The settings with what the model's endpoint says in their place: temperature, time limit."""
    own = {name: getattr(model.endpoint, name, None) for name in ("temperature", "timeout_s")}
    return settings.model_copy(update={name: value for name, value in own.items() if value is not None})


def _join(replies: Sequence[Sampled]) -> Sampled:
    slowest = max(replies, key=lambda reply: (reply.retry_after_s or 0, reply.status or 0), default=Sampled())
    return Sampled(
        tuple(sample for reply in replies for sample in reply.samples),
        tuple(error for reply in replies for error in reply.errors),
        Usage.total(reply.usage for reply in replies if reply.samples),
        slowest.status,
        slowest.retry_after_s,
    )
