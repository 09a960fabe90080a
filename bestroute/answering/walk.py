"""A query walked along its course: sample, judge, and stop, sample more or go up, until the course ends.

The only place where time passes: every step is bounded by what is left of the policy's `deadline_s`, and a
step that fails, hangs or is cut short loses nothing that came before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, TypeAlias

from bestroute.answering.answer import Answer, Ended, Event
from bestroute.answering.asking import replies_to, streamed_reply
from bestroute.answering.clock import Clock
from bestroute.answering.course import Ask, Course, Heard, Shortfall
from bestroute.answering.demands import Demands
from bestroute.answering.events import Broken, Chunk, Progress
from bestroute.answering.live import Streamer, goes_live, live
from bestroute.answering.sampling import Attempt, Sampled, Sampler, Usage, attempt_of
from bestroute.answering.sampling.attempt import all_unfit
from bestroute.answering.sampling.billing import bill
from bestroute.answering.wire import chunks_of, usage_chunk
from bestroute.decision.order import Asked
from bestroute.errors import SamplingError
from bestroute.later import Later
from bestroute.policy import Policy
from bestroute.query import Query

_TOO_SOON: Mapping[Shortfall | None, str] = {
    "budget": ", and no more may be spent (max_cost)",
    "deadline": ", and the deadline has passed",
}
Rewarder: TypeAlias = Callable[[Query, Sequence[str]], Sequence[float]]


@dataclass
class _Ledger:
    """Everything that was asked, and what it comes to. `at_reference`: US$ of each response of all, in the
    order of the course, at the reference's price."""

    policy: Policy
    query: Query
    attempts: list[Attempt] = field(default_factory=list)
    at_reference: list[float] = field(default_factory=list)
    usages: list[Usage] = field(default_factory=list)

    def add(self, ask: Ask, replies: Sequence[Sampled], latency_s: float) -> float:
        """US$ that the replies to a step cost."""
        cost = 0.0
        for (name, n), reply in zip(ask.more, replies, strict=True):
            model = self.policy.model(name)
            self.attempts.append(attempt_of(name, n, reply, latency_s))
            billed = bill(self.policy.reference_model, model, self.query, reply)
            self.at_reference += billed.at_reference
            self.usages.append(billed.usage)
            cost += billed.cost
        return cost

    @property
    def usage(self) -> Usage:
        return Usage.total(self.usages) or Usage(0, 0)


@dataclass(frozen=True)
class Walk:
    """One request on its way. `waited_s`: seconds since it came, which count towards the deadline."""

    asked: Asked
    course: Course
    policy: Policy
    sampler: Sampler
    reward: Rewarder
    waited_s: float = 0.0

    async def answer(self) -> Answer:
        """Walk to the end. Raises SamplingError, carrying every attempt, when no model answers."""
        async with aclosing(self.events()) as events:
            async for event in events:
                if isinstance(event, Ended):
                    return event.answer
        raise AssertionError("a course that is not streamed ends with an answer")

    async def events(
        self, *, streams: bool = False, include_usage: bool = False
    ) -> AsyncGenerator[Event, None]:
        """Walk to the end, telling what happens; `Ended` or `Broken` is the last of it. Raises as `answer`.

        `streams`: chunks of the answer are told too, as they come where a response is kept whatever it says,
        with their usage last where `include_usage` asks for it.
        """
        course, query = self.course, self.asked.query
        ledger, demands = _Ledger(self.policy, query), Demands(query)
        clock = Clock(self.policy.sampling.deadline_s, self.waited_s)
        given: Mapping[str, Any] | None = None
        heard: list[Heard] = []
        while given is None:
            ask = _next(course, clock)
            if ask is None:
                break
            started, share_s = perf_counter(), clock.share_s(ask.last)
            replies: list[Sampled] = []
            sampler = self.sampler
            if streams and isinstance(sampler, Streamer) and goes_live(ask, course, self.policy, demands):
                pieces = streamed_reply(ask, query, self.policy, sampler, share_s)
                async with aclosing(live(pieces, demands, share_s)) as told:
                    async for piece in told:
                        if isinstance(piece, Sampled):
                            replies = [piece]
                        else:
                            given = piece
                            yield Chunk(piece, ask.more[0][0])
            else:
                yield Progress(ask.step.arm.label)
                replies = await replies_to(ask, query, self.policy, sampler, share_s)
                replies = await _checked(replies, demands)
            latency_s = perf_counter() - started
            heard = await self._heard(ask, replies, clock.left_s)
            cost = ledger.add(ask, replies, latency_s)
            clock.lap(perf_counter() - started)
            await _add(course, ask, heard, cost, latency_s)
            if given is None:
                yield Progress(ask.step.arm.label, course.steps[-1])
        if given is not None and ledger.attempts[-1].error is not None:
            came = heard[-1].sample if heard else None
            error = ledger.attempts[-1].error
            at_reference = 0.0 if came is None else ledger.at_reference[-1]
            yield Broken(error, came, tuple(ledger.attempts), ledger.usage, course.spent, at_reference)
            return
        found = self._answer(course.kept if given is None else len(course.heard) - 1, ledger)
        for chunk in _chunks(found, given, include_usage) if streams else ():
            yield Chunk(chunk, found.model)
        yield Ended(found)

    async def _heard(self, ask: Ask, replies: Sequence[Sampled], left_s: float | None) -> list[Heard]:
        """The responses of a step, with rewards where there is anything to choose or to judge, and time."""
        came = [
            (name, one) for (name, _), reply in zip(ask.more, replies, strict=True) for one in reply.samples
        ]
        rewards: Sequence[float] = [float("nan")] * len(came)
        one_of_many = ask.max_gap is not None or ask.step.arm.n > 1
        if len(came) > 1 or (self.course.needs_rewards and one_of_many):
            rewards = await self._in_time(left_s, [sample.said for _, sample in came]) or rewards
        return [Heard(name, sample, value) for (name, sample), value in zip(came, rewards, strict=True)]

    async def _in_time(self, left_s: float | None, texts: Sequence[str]) -> Sequence[float] | None:
        """The rewards of responses, from a worker thread; None where they would come too late."""
        rewarding = asyncio.to_thread(self.reward, self.asked.query, texts)
        try:
            return await (rewarding if left_s is None else asyncio.wait_for(rewarding, left_s))
        except asyncio.TimeoutError:
            return None

    def _answer(self, best: int | None, ledger: _Ledger) -> Answer:
        course = self.course
        if best is None:
            tried = "".join(f"\n  {attempt}" for attempt in ledger.attempts)
            ended = _TOO_SOON.get(course.shortfall, "")
            ended += f" ({course.hint})" if course.hint else ""
            whole = "no answer may be given" if all_unfit(ledger.attempts) else "no model answered"
            raise SamplingError(
                f"{whole}{ended}{':' if tried else '; there was none to ask'}{tried}",
                ledger.attempts,
            )
        kept = course.heard[best]
        return Answer(
            text=kept.sample.text,
            model=kept.model,
            n=sum(one.model == kept.model for one in course.heard),
            decision=self.asked.decision,
            samples=tuple(one.sample for one in course.heard),
            rewards=tuple(one.reward for one in course.heard),
            best=best,
            attempts=tuple(ledger.attempts),
            steps=tuple(course.steps),
            cost=course.spent,
            reference_cost=ledger.at_reference[best],
            shortfall=course.shortfall,
            usage=ledger.usage,
            failed=Later(lambda: course.failed),
            writers=tuple(one.model for one in course.heard),
        )


def _next(course: Course, clock: Clock) -> Ask | None:
    if clock.has_passed or (clock.is_over and course.kept is not None):
        course.stop("deadline")  # who cannot wait any more is not asked for: hundreds may end at once
    return course.next(clock.in_haste)


async def _add(course: Course, ask: Ask, heard: list[Heard], cost: float, latency_s: float) -> None:
    if len(course.heard) + len(heard) > 1:  # responses are compared, which may take milliseconds
        await asyncio.to_thread(course.add, ask, heard, cost, latency_s)
    else:
        course.add(ask, heard, cost, latency_s)


def _chunks(
    found: Answer, given: Mapping[str, Any] | None, include_usage: bool
) -> Iterator[Mapping[str, Any]]:
    """What is still to be given of an answer; `given` is the last chunk, None where there is none yet."""
    for chunk in chunks_of(found.sample, found.model) if given is None else ():
        given = chunk
        yield chunk
    if include_usage and given is not None:
        yield usage_chunk(found.usage, given)


async def _checked(replies: Sequence[Sampled], demands: Demands) -> list[Sampled]:
    """The replies, with the reason at each response that the request does not let win."""
    if demands.has_schemas:
        return await asyncio.to_thread(lambda: [demands.check(reply) for reply in replies])
    return [demands.check(reply) for reply in replies]
