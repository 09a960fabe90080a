"""Asking the models of a step, all at once, within the time that is left.

What a sampler of the caller's own raises, or gives that is no reply, is told as the failure of the model that
it was to ask, so that the next one has its turn. It is logged too, since that is a fault of the program.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import TypeVar

from bestroute.answering.course import Ask
from bestroute.answering.live import GRACE_S, Piece, Streamer
from bestroute.answering.sampling import Sample, Sampled, Sampler
from bestroute.answering.sampling.streaming import ChunkData, partial
from bestroute.errors import MissingExtra
from bestroute.policy import Policy, Sampling
from bestroute.policy.arms import Model
from bestroute.query import Query
from bestroute.text import seconds

_LOG = logging.getLogger("bestroute.router")
_Asks = TypeVar("_Asks", Sampler, Streamer)


async def replies_to(
    ask: Ask, query: Query, policy: Policy, sampler: Sampler, left_s: float | None
) -> list[Sampled]:
    """The replies of every model of a step, in order; one that does not come within `left_s` seconds is told
    as a failure."""
    settings, asked = _settings(ask, policy), _asked(ask, sampler)
    if left_s is None and len(ask.more) == 1:  # as most are: nothing to wait for beside it
        name, n = ask.more[0]
        return [await _sample(asked, policy.model(name), query, n, settings)]
    calls = [
        asyncio.ensure_future(_ask(policy.model(name), query, n, settings, asked, left_s))
        for name, n in ask.more
    ]
    try:
        several = any(n > 1 for _, n in ask.more)
        await asyncio.wait(calls, timeout=left_s and left_s + (GRACE_S if several else 0.0))
    except asyncio.CancelledError:
        for call in calls:
            call.cancel()
        raise
    return [call.result() if call.done() else _cut(call, left_s or 0.0) for call in calls]


async def streamed_reply(
    ask: Ask, query: Query, policy: Policy, sampler: Streamer, left_s: float | None
) -> AsyncGenerator[Piece, None]:
    """The stream of the one response of a step; no silence in it lasts longer than the time that is left."""
    model, settings = policy.model(ask.more[0][0]), _settings(ask, policy)
    if left_s is not None:
        settings = settings.model_copy(update={"timeout_s": min(settings.timeout_s, left_s)})
        model = _within(model, left_s)
    seen: list[ChunkData] = []
    try:
        async with aclosing(_asked(ask, sampler).stream(model, query, settings)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Mapping):
                    seen.append(piece)
                    yield piece
                else:
                    yield _checked(piece)
    except MissingExtra:
        raise
    except Exception as error:  # as in `_sample`
        yield partial(seen, _failed(sampler, error))


def _asked(ask: Ask, sampler: _Asks) -> _Asks:
    """The sampler or, where nobody else is well and it can, one that asks who is ill too."""
    found: _Asks = getattr(sampler, "insistent", sampler) if ask.insists else sampler
    return found


def _settings(ask: Ask, policy: Policy) -> Sampling:
    return policy.sampling if ask.patient else policy.sampling.model_copy(update={"retries": 0})


async def _ask(
    model: Model, query: Query, n: int, settings: Sampling, sampler: Sampler, left_s: float | None
) -> Sampled:
    if left_s is None:
        return await _sample(sampler, model, query, n, settings)
    own_s = left_s + GRACE_S if n == 1 else left_s  # of several calls, those that came are told at the end
    settings = settings.model_copy(update={"timeout_s": min(settings.timeout_s, own_s)})
    return await _sample(sampler, _within(model, own_s), query, n, settings)


async def _sample(sampler: Sampler, model: Model, query: Query, n: int, settings: Sampling) -> Sampled:
    try:
        return _checked(await sampler.sample(model, query, n, settings))
    except MissingExtra:  # of every model
        raise
    except Exception as error:  # whatever it is, the next model may answer
        return Sampled(errors=(_failed(sampler, error),))


def _checked(reply: object) -> Sampled:
    if not isinstance(reply, Sampled):
        raise TypeError(f"gave {type(reply).__name__}, and no Sampled")
    for sample in reply.samples:
        if not isinstance(sample, Sample):
            raise TypeError(f"gave Sampled of {type(sample).__name__}, and not of Sample")
    return reply


def _failed(sampler: object, error: Exception) -> str:
    name = type(sampler).__name__
    _LOG.warning("%s failed, which counts as a failure of the model", name, exc_info=error)
    return f"{name} failed: {type(error).__name__}: {error}"


def _cut(call: asyncio.Future[Sampled], left_s: float) -> Sampled:
    """What is told of a call that nobody waits for any more. It may end by itself, and so be remembered as
    one that got no answer in time: cleaning up after hundreds of calls takes longer than a deadline has."""
    _CUT.add(call)
    call.add_done_callback(_forget)
    asyncio.get_running_loop().call_later(2 * GRACE_S, call.cancel)
    return Sampled(errors=(f"no answer within the {seconds(left_s)} that were left",))


_CUT: set[asyncio.Future[Sampled]] = set()


def _forget(call: asyncio.Future[Sampled]) -> None:
    _CUT.discard(call)
    if not call.cancelled():
        call.exception()  # looked at, so that nobody is told of it


def _within(model: Model, left_s: float) -> Model:
    """The model with its endpoints' own time limits held below what is left."""
    if all(endpoint.timeout_s is None or endpoint.timeout_s <= left_s for endpoint in model.places):
        return model
    places = tuple(
        endpoint.model_copy(update={"timeout_s": endpoint.timeout_s and min(endpoint.timeout_s, left_s)})
        for endpoint in model.places
    )
    return model.model_copy(update={"endpoint": None, "endpoints": places})
