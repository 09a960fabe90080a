"""Sample from OpenAI-compatible endpoints with the official client.

Retries, their growing and jittered waits and `Retry-After` are the official client's own. Added here: n
responses from one call or from many, with whatever came kept when some of it failed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from bestroute.answering.sampling.billing import billed
from bestroute.answering.sampling.body import body_of, values_of
from bestroute.answering.sampling.call import Call
from bestroute.answering.sampling.clients import Clients, read_key
from bestroute.answering.sampling.failures import describe_opening
from bestroute.answering.sampling.refusals import Refusals
from bestroute.answering.sampling.streaming import ChunkData, stream
from bestroute.answering.sampling.values import Sampled, Usage
from bestroute.errors import MissingExtra, SamplingError
from bestroute.policy import Sampling
from bestroute.policy.arms import Endpoint, Model
from bestroute.query import Query

_MAY_BE_N = (400, 422)
_ONE_BY_ONE = "asked one by one: the endpoint gives one response to a call"


class EndpointSampler:
    """Asks the endpoint that a model's policy entry names.

    A call is tried `retries` times more on connection failures and on statuses 408, 409, 429 and 5xx, as
    far as its time allows. `concurrency` bounds the calls under way for one `sample`. Connections are kept
    for each event loop and closed with it; `aclose` closes them sooner. Fields that an endpoint does not take
    are left out, which `notes` tell, and remembered, but for those without which the answer would be another
    (`refusals.FIRM`). Safe to share between
    threads; a copy in another process has connections of its own.
    """

    def __init__(self, *, retries: int = 2, concurrency: int = 16) -> None:
        self._retries = retries
        self._clients = Clients(retries)
        self._concurrency = concurrency
        self._refusals = Refusals()

    def __getstate__(self) -> dict[str, int]:
        return {"retries": self._retries, "concurrency": self._concurrency}

    def __setstate__(self, state: dict[str, int]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    async def sample(self, model: Model, query: Query, n: int, settings: Sampling) -> Sampled:
        """Ask for n responses: one call where the endpoint takes n, else n calls at a time.

        A native endpoint that gives fewer than n, or refuses to give several, is asked for the missing ones
        one by one. Each call takes at most the endpoint's `timeout_s` (else the settings'), its retries
        included. Endpoint trouble is told in `errors`; raises MissingExtra where openai is not installed.
        """
        call = await self._prepare(model, query, settings)
        if isinstance(call, Sampled):
            return call
        if not model.native or n == 1:
            return _join(await self._repeat(call, n), query)
        if call.takes_n:
            replies = await self._ask_at_once(call, n)
        else:
            replies = await self._repeat(call, n)
        joined = _join(replies, query)
        return joined if call.takes_n else replace(joined, notes=(*joined.notes, _ONE_BY_ONE))

    async def _ask_at_once(self, call: Call, n: int) -> list[Sampled]:
        """One call for n responses, and further ones for those that it did not give."""
        first = await call(n)
        if not first.samples and first.status in _MAY_BE_N:
            return await self._ask_for_one(call, n, first)
        if not first.samples:
            return [first]
        given = len(first.samples) + len(first.errors)
        if given == 1:
            call.note_one_by_one()
        return [first, *await self._repeat(call, n - given)]

    async def _ask_for_one(self, call: Call, n: int, refused: Sampled) -> list[Sampled]:
        """What comes of asking for one response where several were refused, and then for the rest."""
        one = await call(1)
        if not one.samples:
            return [refused, replace(one, errors=())]
        call.note_one_by_one()
        return [replace(refused, errors=(), status=None), one, *await self._repeat(call, n - 1)]

    async def call(self, model: Model, query: Query, n: int, settings: Sampling) -> Sampled:
        """Ask for n responses in a single call, and give what came of it, which may be fewer.

        For those who keep every reply as soon as it is there; time, trouble and MissingExtra are as in
        `sample`.
        """
        call = await self._prepare(model, query, settings)
        return call if isinstance(call, Sampled) else await call(n)

    async def stream(
        self, model: Model, query: Query, settings: Sampling
    ) -> AsyncGenerator[ChunkData | Sampled, None]:
        """Ask for one response: its chunks as they come, and last what came of the call, as of `call`.

        The time limit is that of each silence. Closing the generator closes the connection.
        """
        call = await self._prepare(model, query, settings)
        if isinstance(call, Sampled):
            yield call
            return
        async with aclosing(stream(call)) as pieces:
            async for piece in pieces:
                yield piece

    async def aclose(self) -> None:
        """Close the connections of the running event loop."""
        await self._clients.aclose()

    async def _prepare(self, model: Model, query: Query, settings: Sampling) -> Call | Sampled:
        """A call that is ready to be sent, or why none can be."""
        endpoint = model.endpoint
        if endpoint is None:
            return Sampled(errors=(f"model {model.name!r} has no endpoint; give it one in the policy",))
        try:
            return await self._open(endpoint, model, query, own_settings(model, settings))
        except MissingExtra:
            raise
        except SamplingError as error:
            return Sampled(errors=(str(error),))
        except (
            Exception
        ) as error:  # an address, a proxy or a file that the HTTP library refuses is trouble too
            return Sampled(errors=(describe_opening(error, endpoint),))

    async def _open(self, endpoint: Endpoint, model: Model, query: Query, settings: Sampling) -> Call:
        key = read_key(endpoint, model.name)
        client = await self._clients.get(endpoint.base_url, key)
        body = body_of(model, query, settings)
        place = (endpoint.base_url, model.served_as, *values_of(body), model.variant)
        return Call(
            client, endpoint, body, settings.timeout_s, key, self._refusals, place, query.input_tokens
        )

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


def _join(replies: Sequence[Sampled], query: Query) -> Sampled:
    slowest = max(replies, key=lambda reply: (reply.retry_after_s or 0, reply.status or 0), default=Sampled())
    return Sampled(
        samples=tuple(sample for reply in replies for sample in reply.samples),
        errors=tuple(error for reply in replies for error in reply.errors),
        usage=_total(replies, query),
        status=slowest.status,
        retry_after_s=slowest.retry_after_s,
        notes=tuple(dict.fromkeys(note for reply in replies for note in reply.notes)),
    )


def _total(replies: Sequence[Sampled], query: Query) -> Usage | None:
    """The bill of all calls; None where none reported a count, so that all of it would be an estimate."""
    if all(reply.usage is None for reply in replies):
        return None
    return Usage.total(reply.usage or billed(None, reply.samples, query.input_tokens) for reply in replies)
