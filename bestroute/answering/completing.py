"""Completing: a request taken all the way, from the decision to the answer, on an event loop.

Routing, rewarding and judging run in a worker thread, so that the loop is not held up.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from time import perf_counter
from typing import TypeAlias

from bestroute.answering.answer import Answer, Ended, Event
from bestroute.answering.course import Course
from bestroute.answering.deciding import Deciding
from bestroute.answering.events import Broken
from bestroute.answering.given import check_calls
from bestroute.answering.listeners import Listeners
from bestroute.answering.means import Means
from bestroute.answering.request import check_allowed
from bestroute.answering.walk import Walk
from bestroute.decision import Decision
from bestroute.decision.chooser import Chooser
from bestroute.decision.order import Asked
from bestroute.errors import SamplingError
from bestroute.policy import Policy
from bestroute.query import ChatRequest, Query

OnDecision: TypeAlias = Callable[[Decision], object] | None


class Completer:
    """Completes requests by one policy. `course` makes the way of a query that was decided. Safe to share
    between threads and event loops."""

    def __init__(
        self,
        policy: Policy,
        chooser: Chooser,
        course: Callable[[Asked], Course],
        means: Means,
        listeners: Listeners,
    ) -> None:
        self._policy, self._course = policy, course
        self._means, self._listeners = means, listeners
        self._deciding = Deciding(chooser, self._turn)

    async def complete(self, chat: ChatRequest, began: float, on_decision: OnDecision) -> Answer:
        """The answer to a request that came at `began` by perf_counter; see Router.acomplete."""
        query = chat.query
        check_calls(on_decision=on_decision)
        check_allowed(query, self._policy)
        with self._listeners.failing():
            asked = await self._decided(query, on_decision)
            found = await self._walk(asked, began).answer()
        await self._ended(asked.query, found)
        return found

    async def stream(
        self, chat: ChatRequest, began: float, on_decision: OnDecision
    ) -> AsyncGenerator[Event, None]:
        """What happens until the answer is there; see Router.astream."""
        check_calls(on_decision=on_decision)
        check_allowed(chat.query, self._policy)
        with self._listeners.failing():
            asked = await self._decided(chat.query, on_decision)
            told = self._walk(asked, began).events(streams=True, include_usage=chat.include_usage)
            async with aclosing(told) as events:
                async for event in events:
                    if isinstance(event, Ended):
                        await self._ended(asked.query, event.answer)
                    elif isinstance(event, Broken):
                        self._listeners.failed()
                    yield event

    async def _decided(self, query: Query, on_decision: OnDecision) -> Asked:
        """One query, decided within the deadline by what is known of endpoints now."""
        keeper = self._means.keeper()
        health = None if keeper is None else keeper.now(self._policy.models)
        try:
            asked = await self._deciding.decide(query, health, self._policy.sampling.deadline_s)
        except asyncio.TimeoutError:
            raise SamplingError("no model was asked: the deadline passed before one was chosen") from None
        self._listeners.decided(asked.decision)
        if on_decision is not None:
            on_decision(asked.decision)
        return asked

    def _walk(self, asked: Asked, began: float) -> Walk:
        course, waited_s = self._course(asked), perf_counter() - began
        return Walk(asked, course, self._policy, self._means.sampler(), self._means.rewards_of, waited_s)

    def _turn(self, query: Query) -> Query:
        """The query as a turn of the conversation that it is remembered to be, where the policy has
        sessions."""
        settings = self._policy.sampling.session
        return query if settings is None else self._means.sessions.recall(query, settings)

    async def _ended(self, query: Query, found: Answer) -> None:
        """Remember which model answered a turn, where the policy has sessions, and tell the listeners."""
        settings = self._policy.sampling.session
        if settings is not None:
            await asyncio.to_thread(self._means.sessions.note, query, found.model, settings)
        self._listeners.answered(found)
