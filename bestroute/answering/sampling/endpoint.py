"""Sample from OpenAI-compatible endpoints.

n responses come from one call or from many, with whatever came kept when some of it failed; `tries` has what
becomes of a call that fails.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace
from time import monotonic

from bestroute.answering.given import check_whole
from bestroute.answering.health import Keeper
from bestroute.answering.sampling.billing import billed
from bestroute.answering.sampling.body import Body, body_of, values_of
from bestroute.answering.sampling.call import Call
from bestroute.answering.sampling.connections import Connections, load
from bestroute.answering.sampling.failures import describe_opening
from bestroute.answering.sampling.keys import read_key
from bestroute.answering.sampling.refusals import Refusals
from bestroute.answering.sampling.streaming import ChunkData
from bestroute.answering.sampling.tries import Spot, Tries
from bestroute.answering.sampling.values import Sampled, Usage
from bestroute.errors import MissingExtra, SamplingError
from bestroute.policy import Sampling
from bestroute.policy.arms import Endpoint, Model
from bestroute.policy.sampling import RETRIES
from bestroute.query import Query

_LOG = logging.getLogger(__name__)
_GREETING_S = 5.0
_MAY_BE_N = (400, 422)
_ONE_BY_ONE = "asked one by one: the endpoint gives one response to a call"


class EndpointSampler:
    """Asks the endpoints that a model's policy entry names.

    A call is tried `retries` times more (as the settings say if absent) on connection failures and on
    statuses 408, 409, 429 and 5xx, as far as its time allows. `health` remembers how endpoints behave, which
    are left alone for a while, and which of several is asked. `concurrency` bounds the calls under way for
    one `sample`. Connections are kept for each event loop and closed with it; `aclose` closes them sooner.
    Fields that an endpoint does not take are left out, which `notes` tell, and remembered, but for those
    without which the answer would be another (`refusals.FIRM`). Safe to share between threads; a copy in
    another process has connections, and health, of its own. Raises InputError for numbers that are none.
    """

    def __init__(
        self, *, retries: int | None = None, concurrency: int = 16, health: Keeper | None = None
    ) -> None:
        if retries is not None:
            check_whole("retries", retries, 0)
        check_whole("concurrency", concurrency, 1)
        self.health = Keeper() if health is None else health
        self._retries = retries
        self._connections = Connections()
        self._concurrency = concurrency
        self._refusals = Refusals()
        self._insists = False

    def __getstate__(self) -> dict[str, int | None]:
        return {"retries": self._retries, "concurrency": self._concurrency}

    def __setstate__(self, state: dict[str, int | None]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    @property
    def insistent(self) -> EndpointSampler:
        """The same, for a request that nobody else may answer: an endpoint that is left alone by the
        judgement of `health` is asked, and one that asked for a pause after that."""
        twin = object.__new__(type(self))
        twin.__dict__ = {**self.__dict__, "_insists": True}
        return twin

    async def sample(self, model: Model, query: Query, n: int, settings: Sampling) -> Sampled:
        """Ask for n responses: one call where the endpoint takes n, else n calls at a time.

        A native endpoint that gives fewer than n, or refuses to give several, is asked for the missing ones
        one by one. Each call takes at most the endpoint's `timeout_s` (else the settings'), its retries
        included. Endpoint trouble is told in `errors`; raises MissingExtra without the extra `client`.
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

    async def _ask_at_once(self, call: Tries, n: int) -> list[Sampled]:
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

    async def _ask_for_one(self, call: Tries, n: int, refused: Sampled) -> list[Sampled]:
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

        The time limit is that of each silence, with all tries together before the first chunk. Closing the
        generator closes the connection.
        """
        call = await self._prepare(model, query, settings)
        if isinstance(call, Sampled):
            yield call
            return
        async with aclosing(call.stream()) as pieces:
            async for piece in pieces:
                yield piece

    @staticmethod
    def load() -> None:
        """Import what talks to endpoints; otherwise the first call waits for it. Raises MissingExtra."""
        load()

    async def connect(self, models: Iterable[Model]) -> None:
        """Open a connection to every endpoint of these models on the running loop, by asking each which
        models it has. An endpoint that does not answer is no error here."""
        places = {(model.name, endpoint) for model in models for endpoint in model.places}
        asked = (self._greet(endpoint, name) for name, endpoint in sorted(places, key=str))
        await asyncio.gather(*asked)

    async def _greet(self, endpoint: Endpoint, name: str) -> None:
        try:
            upstream = await self._connections.to(endpoint.base_url, read_key(endpoint, name))
            await asyncio.wait_for(upstream.greet(), _GREETING_S)
        except MissingExtra:
            raise
        except Exception as error:  # what is wrong with it, a request will tell
            _LOG.info("%s: %s", endpoint.base_url, error)

    async def aclose(self) -> None:
        """Close the connections of the running event loop."""
        await self._connections.aclose()

    async def _prepare(self, model: Model, query: Query, settings: Sampling) -> Tries | Sampled:
        """Calls that are ready to be sent, or why none can be."""
        if not model.places:
            return Sampled(errors=(f"model {model.name!r} has no endpoint; give it one in the policy",))
        began, spots, errors = monotonic(), list[Spot](), list[str]()
        for endpoint in model.places:
            call = await self._opened(endpoint, model, query, _own(endpoint, settings))
            if isinstance(call, str):
                errors.append(call)
            else:
                spots.append(Spot(self.health.site(model, endpoint), call))
        if not spots:
            return Sampled(errors=tuple(errors))
        retries = settings.retries if self._retries is None else self._retries
        longest_s = max(spot.call.timeout_s for spot in spots)
        left_s = longest_s - (monotonic() - began)  # a pool may have had to be opened
        return Tries(spots, RETRIES if retries is None else retries, left_s, self._insists)

    async def _opened(self, endpoint: Endpoint, model: Model, query: Query, settings: Sampling) -> Call | str:
        """A call to one endpoint, or why none can be made."""
        try:
            return await self._open(endpoint, model, query, settings)
        except MissingExtra:
            raise
        except SamplingError as error:
            return str(error)
        except (
            Exception
        ) as error:  # an address, a proxy or a file that the HTTP library refuses is trouble too
            return describe_opening(error, endpoint)

    async def _open(self, endpoint: Endpoint, model: Model, query: Query, settings: Sampling) -> Call:
        key = read_key(endpoint, model.name)
        upstream = await self._connections.to(endpoint.base_url, key)
        fields = {**body_of(model, query, settings), "model": endpoint.model or model.name}
        place = (endpoint.base_url, fields["model"], *values_of(fields), model.variant)
        return Call(
            upstream,
            endpoint,
            Body(fields),
            settings.timeout_s,
            key,
            self._refusals,
            place,
            query.input_tokens,
        )

    async def _repeat(self, call: Tries, times: int) -> list[Sampled]:
        if times == 1:
            return [await call(1)]
        gate = asyncio.Semaphore(self._concurrency)

        async def one() -> Sampled:
            async with gate:
                return await call(1)

        return await asyncio.gather(*(one() for _ in range(times)))


def own_settings(model: Model, settings: Sampling) -> Sampling:
    """The settings with what the model's first endpoint says in their place: temperature, time limit."""
    return _own(model.places[0], settings) if model.places else settings


def _own(endpoint: Endpoint, settings: Sampling) -> Sampling:
    own = {"temperature": endpoint.temperature, "timeout_s": endpoint.timeout_s}
    changes = {name: value for name, value in own.items() if value is not None}
    return settings.model_copy(update=changes) if changes else settings


def _join(replies: Sequence[Sampled], query: Query) -> Sampled:
    if len(replies) == 1:
        return replies[0]
    slowest = max(replies, key=lambda reply: (reply.retry_after_s or 0, reply.status or 0), default=Sampled())
    return Sampled(
        samples=tuple(sample for reply in replies for sample in reply.samples),
        errors=tuple(error for reply in replies for error in reply.errors),
        usage=_total(replies, query),
        status=slowest.status,
        retry_after_s=slowest.retry_after_s,
        fault=slowest.fault,
        notes=tuple(dict.fromkeys(note for reply in replies for note in reply.notes)),
    )


def _total(replies: Sequence[Sampled], query: Query) -> Usage | None:
    """The bill of all calls; None where none reported a count, so that all of it would be an estimate."""
    if all(reply.usage is None for reply in replies):
        return None
    return Usage.total(reply.usage or billed(None, reply.samples, query.input_tokens) for reply in replies)
