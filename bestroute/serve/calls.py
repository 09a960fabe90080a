"""Who was asked for a request, also where nobody waited for what came of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from contextvars import ContextVar
from time import perf_counter
from typing import Any

from bestroute.answering.sampling import Attempt, EndpointSampler, Sampled
from bestroute.answering.sampling.attempt import attempt_of
from bestroute.policy import Sampling
from bestroute.policy.arms import Model
from bestroute.query import Query

CALLS: ContextVar[list[Attempt] | None] = ContextVar("bestroute_calls", default=None)
"""The attempts of the request that is answered here, as far as they are over."""
_GONE = Sampled(errors=("cut off: nobody waited for it any more",))


class NotedSampler(EndpointSampler):
    """Asks endpoints, and notes each call where the request has a list of them."""

    @contextmanager
    def observing(self, model: Model, n: int) -> Iterator[list[Sampled]]:
        """One call for n responses, with a list that takes what comes of it; nothing where it is cut off."""
        calls, began, came = CALLS.get(), perf_counter(), list[Sampled]()
        try:
            yield came
        finally:
            if calls is not None:
                calls.append(attempt_of(model.name, n, came[0] if came else _GONE, perf_counter() - began))

    async def sample(self, model: Model, query: Query, n: int, settings: Sampling) -> Sampled:
        """As EndpointSampler does."""
        with self.observing(model, n) as came:
            came.append(await super().sample(model, query, n, settings))
        return came[0]

    async def stream(self, model: Model, query: Query, settings: Sampling) -> AsyncGenerator[Any, None]:
        """As EndpointSampler does."""
        with self.observing(model, 1) as came:
            async with aclosing(super().stream(model, query, settings)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Sampled):
                        came.append(piece)
                    yield piece
