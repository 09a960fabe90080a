"""Calls of one model, wherever it is served: the least loaded healthy endpoint is asked, another where that
fails, and all of them again after a pause, as far as the time allows.

Pauses and their end are tenacity's: a pause that would outlast the time is not begun, so what is told is the
failure, not that time ran out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from random import uniform
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeAlias

from bestroute.answering.health import Fault, Resting, Site
from bestroute.answering.sampling.call import Call
from bestroute.answering.sampling.streaming import ChunkData, stream
from bestroute.answering.sampling.values import Sampled, Usage
from bestroute.errors import require
from bestroute.text import seconds

if TYPE_CHECKING:
    from tenacity import RetryCallState

_RESTS = Fault("busy", "it rests")  # nobody was asked
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 8.0
_APART_S = 0.1  # those who wait for the end of one pause do not all come at once
_LEAST_S = 0.3  # a try after a pause or a wait has so long, at least; `answer` may give up a little sooner


@dataclass(frozen=True)
class Spot:
    """One place where the model is served, and the call that is ready for it."""

    site: Site
    call: Call

    async def ask(self, n: int, timeout_s: float, insists: bool) -> Sampled:
        """Ask there, when its turn has come, within so many seconds; see Site.visit."""
        ends = monotonic() + timeout_s

        async def call() -> Sampled:
            left_s = max(0.001, min(self.call.timeout_s, ends - monotonic()))
            return await replace(self.call, timeout_s=left_s)(n)

        try:
            return await self.site.visit(call, lambda reply: reply.fault, _patience_s(timeout_s), insists)
        except Resting as rest:
            return self._resting(rest)

    async def begin(self, timeout_s: float, insists: bool) -> Sampled | Begun:
        """Ask there for one response that is streamed, which begins within so many seconds; what came of it
        where it gave no chunk."""
        pieces = self._pieces(timeout_s, insists)
        try:
            first = await anext(pieces)
        except BaseException:
            await pieces.aclose()
            raise
        if not isinstance(first, Sampled):
            return Begun(self.call, first, pieces)
        await pieces.aclose()
        return first

    async def _pieces(self, timeout_s: float, insists: bool) -> AsyncGenerator[ChunkData | Sampled, None]:
        ends, aside_s = monotonic() + timeout_s, 0.0
        try:
            async with (
                self.site.turn(_patience_s(timeout_s), insists) as note,
                aclosing(stream(self.call, max(0.001, ends - monotonic()))) as pieces,
            ):
                async for piece in pieces:
                    if isinstance(piece, Sampled):
                        note(piece.fault, aside_s)
                    given = monotonic()
                    yield piece
                    aside_s += monotonic() - given
        except Resting as rest:
            yield self._resting(rest)

    def _resting(self, rest: Resting) -> Sampled:
        after = f", asked again in {seconds(rest.rest_s)}" if rest.rest_s else ""
        told = f"{self.site.model} at {self.site.address} {rest}{after}"
        return Sampled(errors=(told,), retry_after_s=rest.rest_s, fault=_RESTS)


@dataclass(frozen=True)
class Begun:
    """A stream whose first chunk is there; `rest` are the others, and last what came of the call."""

    call: Call
    first: ChunkData
    rest: AsyncGenerator[ChunkData | Sampled, None]
    notes: tuple[str, ...] = ()

    def ended(self, reply: Sampled, spent: Sequence[Usage | None]) -> Sampled:
        """What came of the call, with the bill of the tries before it."""
        return replace(reply, usage=self.call.bill(reply, spent), notes=(*reply.notes, *self.notes))


_Came: TypeAlias = "Sampled | Begun"
_Asking: TypeAlias = Callable[[Spot, float, bool], Awaitable[_Came]]


class Tries:
    """Asks for responses of one model. `retries`: how often all of it is tried again after failing in
    passing; `timeout_s` bounds it with its retries. `insists`: nobody else may answer, so that one that rests
    is asked where it rests by judgement alone, or when it has rested as long as it asked for."""

    def __init__(self, spots: Sequence[Spot], retries: int, timeout_s: float, insists: bool = False) -> None:
        self._spots, self._retries, self._timeout_s = spots, retries, timeout_s
        self._insists = insists

    @property
    def takes_n(self) -> bool:
        """Whether the endpoints may give several responses to one call, for all that is known."""
        return all(spot.call.takes_n for spot in self._spots)

    def note_one_by_one(self) -> None:
        """Remember that the endpoints give one response to a call."""
        for spot in self._spots:
            spot.call.note_one_by_one()

    async def __call__(self, n: int) -> Sampled:
        """Ask for n responses. Trouble is told in `errors`; `usage` has what failed tries were billed too."""
        came = await self._tried(lambda spot, timeout_s, insists: spot.ask(n, timeout_s, insists), [])
        assert isinstance(came, Sampled)
        return came

    async def stream(self) -> AsyncGenerator[ChunkData | Sampled, None]:
        """Ask for one response: its chunks as they come, and last what came of the call. Until the first
        chunk is there, what fails is tried again as a call is."""
        spent: list[Usage | None] = []
        came = await self._tried(Spot.begin, spent)
        if isinstance(came, Sampled):
            yield came
            return
        async with aclosing(came.rest) as rest:
            yield came.first
            async for piece in rest:
                yield came.ended(piece, spent) if isinstance(piece, Sampled) else piece

    async def _tried(self, ask: _Asking, spent: list[Usage | None]) -> _Came:
        ends, told = monotonic() + self._timeout_s, list[str]()
        first = await self._round(ask, ends, spent, told)
        if not _failed_in_passing(first):
            return first  # as nearly all do: a retrier takes longer to make than a request to send
        came = [first]

        async def again() -> _Came:
            return came.pop() if came else await self._round(ask, ends, spent, told)

        return await self._retried(again, ends)

    async def _retried(self, ask: Callable[[], Awaitable[_Came]], ends: float) -> _Came:
        """What comes of asking until it goes well, or there is no time left for a pause."""
        tenacity = require("tenacity", "client")
        retrying = tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(self._retries + 1)
            | tenacity.stop_before_delay(max(0.0, ends - monotonic() - _LEAST_S))
            | (lambda state: state.upcoming_sleep > _LONGEST_PAUSE_S),
            wait=self._pause_s,
            retry=tenacity.retry_if_result(_failed_in_passing),
            retry_error_callback=_result,
        )
        came: _Came = await retrying(ask)
        return came

    async def _round(self, ask: _Asking, ends: float, spent: list[Usage | None], told: list[str]) -> _Came:
        """Ask at one place after another until one answers. Where another stands by, half of the time is left
        for it; a request that is itself at fault is not asked elsewhere. `told`: what went wrong in the round
        before, which says more than that all rest since."""
        left, errors = list(self._spots), tuple[str, ...]()
        while True:
            well = [spot for spot in left if spot.site.resting is None]
            spot, another = min(well or left, key=lambda spot: spot.site.load), len(well) > 1
            left.remove(spot)
            insists = self._insists and not well
            if insists:
                spot = await self._rested(ends)
            left_s = ends - monotonic()
            came = await ask(spot, left_s / 2 if another else left_s, insists)
            elsewhere = tuple(f"asked elsewhere after: {error}" for error in errors)
            if isinstance(came, Begun):
                return replace(came, notes=elsewhere)
            if came.samples and not spent:  # as nearly all are
                return came
            reply = replace(came, usage=spot.call.bill(came, spent))
            spent[:] = [reply.usage]
            if reply.samples:
                return replace(reply, notes=(*reply.notes, *elsewhere))
            errors += reply.errors
            if reply.fault is None or not another:
                told[:] = told if told and reply.fault is _RESTS else errors
                return replace(reply, errors=tuple(told))

    async def _rested(self, ends: float) -> Spot:
        """The place that may be asked first, where all rest: after the pause that it asked for, if that is
        short and ends in time."""
        spot = min(self._spots, key=lambda spot: (spot.site.rest_s(insists=True), spot.site.load))
        rest_s = spot.site.rest_s(insists=True)
        rest_s += rest_s and uniform(0.0, _APART_S)
        if rest_s <= min(_LONGEST_PAUSE_S, ends - monotonic() - _LEAST_S):
            await asyncio.sleep(rest_s)
        return spot

    def _pause_s(self, state: RetryCallState) -> float:
        """Seconds before the next try: as long as the endpoints ask for and rest, at least a growing and
        jittered while."""
        tenacity = require("tenacity", "client")
        backoff = tenacity.wait_random_exponential(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        rest_s = min(spot.site.rest_s(self._insists) for spot in self._spots)
        return float(max(backoff(state), _result(state).retry_after_s or 0.0, rest_s))


def _patience_s(timeout_s: float) -> float:
    """How long to wait for a turn: one that came at the last moment would only blame the endpoint for being
    slow."""
    return timeout_s - min(_LEAST_S, timeout_s / 2)


def _failed_in_passing(reply: _Came) -> bool:
    if isinstance(reply, Begun):
        return False
    return not reply.samples and reply.fault is not None and reply.fault.passing


def _result(state: Any) -> Sampled:
    result: Sampled = state.outcome.result()
    return result
