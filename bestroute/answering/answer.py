"""Answering: sample, judge, and stop, sample more or go up, until the course of a query ends.

The only place where time passes: every step is bounded by what is left of the policy's `deadline_s`, and a
step that fails, hangs or is cut short loses nothing that came before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from math import isfinite
from time import perf_counter
from typing import Any, TypeAlias

from bestroute.answering.clock import Clock
from bestroute.answering.course import Ask, Course, Heard, Shortfall, Taken
from bestroute.answering.demands import Demands
from bestroute.answering.events import Broken, Chunk, Progress
from bestroute.answering.live import GRACE_S, Streamer, goes_live, live
from bestroute.answering.sampling import Attempt, Sample, Sampled, Sampler, Usage, attempt_of
from bestroute.answering.sampling.billing import bill, reference_bills, usage_of
from bestroute.answering.wire import chunks_of, completion_of, message_of, usage_chunk
from bestroute.decision import Decision, reason
from bestroute.decision.order import Asked
from bestroute.errors import SamplingError
from bestroute.policy import Policy, Sampling
from bestroute.policy.arms import Model
from bestroute.query import Query, Session

_TOO_SOON: Mapping[Shortfall | None, str] = {
    "budget": ", and no more may be spent (max_cost)",
    "deadline": ", and the deadline has passed",
}
Rewarder = Callable[[Query, Sequence[str]], Sequence[float]]


@dataclass(frozen=True)
class Answer:
    """A completed query: the kept text, and everything that led to it.

    `model` wrote the kept text, `n` responses of it are there. `samples` are all responses of all steps,
    `rewards` theirs in the same order (NaN for a blank one, and where a single one needed none), `best` the
    kept one's index, `writers` the models that wrote them. `failed`: the names of the checks that each sample
    fails. `steps` trace the plan, `attempts` every model that was asked. `cost`: US$ of all of it,
    as billed where endpoints say so, else estimated. `reference_cost`: US$ of the kept response's tokens at
    the reference's price; where the reference wrote it, its own bill. `usage` are the tokens of everything
    that was asked, as billed where endpoints say so, else estimated. `shortfall` says what ended the plan
    too soon: `budget`, `deadline`, or `failure` of all that was left (None: nothing did).
    """

    text: str
    model: str
    n: int
    decision: Decision
    samples: tuple[Sample, ...]
    rewards: tuple[float, ...]
    best: int
    attempts: tuple[Attempt, ...]
    steps: tuple[Taken, ...]
    cost: float
    reference_cost: float
    shortfall: Shortfall | None
    usage: Usage = Usage(0, 0)
    failed: tuple[tuple[str, ...], ...] = ()
    writers: tuple[str, ...] = ()

    @property
    def sample(self) -> Sample:
        """The kept response."""
        return self.samples[self.best]

    @property
    def message(self) -> dict[str, Any]:
        """The kept message of the assistant as the endpoint gave it, with its calls of tools, refusal and
        annotations; thinking that stood in its text is taken off."""
        return message_of(self.sample)

    def as_completion(self) -> dict[str, Any]:
        """The answer as a chat completion, under a new id, with the usage of everything that was asked."""
        return completion_of(self.sample, self.model, self.usage)

    @property
    def session(self) -> Session | None:
        """How the conversation stands now, to hand in with the next turn; None without sessions."""
        after = self.decision.session
        return None if after is None else replace(after, model=self.model)

    @property
    def saved(self) -> float:
        """US$ less than the kept response would have cost from the reference; below 0 where more was spent,
        and 0 where the reference alone was asked."""
        return self.reference_cost - self.cost

    @property
    def fell_back(self) -> bool:
        """Whether a model answers that the dial would not have asked, since those that it would have failed,
        cool down or are late."""
        planned = {name for step in self.decision.plan for name in step.arm.models}
        reference = self.decision.candidates[-1]
        return self.model not in planned or reference.objection in ("cooling", "late")

    @property
    def why(self) -> str:
        """Why this response is the answer, in one line."""
        step = next((step for step in reversed(self.steps) if step.responses), None)
        as_decided = len(self.steps) == 1 and len(self.decision.plan) < 2
        words = reason(self.decision) if as_decided or step is None else step.why
        failed = [f"{one.arm} gave nothing ({one.error})" for one in self.attempts if not one.got]
        ended = [] if self.shortfall is None else [f"ended too soon: {self.shortfall}"]
        return " ".join("; ".join([f"{self.model}@{self.n}: {words}", *failed, *ended]).split())

    def as_dict(self) -> dict[str, Any]:
        """The answer as JSON values, with `saved` and `why`."""
        rewards = [reward if isfinite(reward) else None for reward in self.rewards]
        return {
            "text": self.text,
            "model": self.model,
            "message": self.message,
            "finish_reason": self.sample.finish_reason,
            "n": self.n,
            "best": self.best,
            "rewards": rewards,
            "samples": [
                {**asdict(sample), "reward": reward, "failed": failed}
                for sample, reward, failed in zip(
                    self.samples, rewards, self.failed or ((),) * len(rewards), strict=True
                )
            ],
            "attempts": [asdict(attempt) for attempt in self.attempts],
            "steps": [step.as_dict() for step in self.steps],
            "cost": self.cost,
            "reference_cost": self.reference_cost,
            "saved": self.saved,
            "shortfall": self.shortfall,
            "usage": asdict(self.usage),
            "fell_back": self.fell_back,
            "why": self.why,
            "decision": self.decision.as_dict(),
        }


@dataclass(frozen=True)
class Ended:
    """All of the answer was given; nothing follows. `answer` is what `complete` would have returned."""

    answer: Answer


Event: TypeAlias = Chunk | Progress | Broken | Ended


async def answer(
    asked: Asked,
    course: Course,
    policy: Policy,
    sampler: Sampler,
    reward: Rewarder,
    waited_s: float = 0.0,
) -> Answer:
    """Run a course to its end. Raises SamplingError, carrying every attempt, when no model answers.

    `waited_s`: seconds since the request came, which count towards the deadline.
    """
    async with aclosing(run(asked, course, policy, sampler, reward, waited_s)) as events:
        async for event in events:
            if isinstance(event, Ended):
                return event.answer
    raise AssertionError("a course that is not streamed ends with an answer")


async def run(
    asked: Asked,
    course: Course,
    policy: Policy,
    sampler: Sampler,
    reward: Rewarder,
    waited_s: float = 0.0,
    *,
    streams: bool = False,
    include_usage: bool = False,
) -> AsyncGenerator[Event, None]:
    """Run a course, telling what happens; `Ended` or `Broken` is the last of it. Raises as `answer` does.

    `streams`: chunks of the answer are told too, as they come where a response is kept whatever it says, with
    their usage last where `include_usage` asks for it.
    """
    attempts: list[Attempt] = []
    at_reference: list[float] = []
    usages: list[Usage] = []
    demands = Demands(asked.query)
    clock = Clock(policy.sampling.deadline_s, waited_s)
    given: Mapping[str, Any] | None = None
    heard: list[Heard] = []
    while given is None:
        ask = _next(course, clock)
        if ask is None:
            break
        started = perf_counter()
        replies: list[Sampled] = []
        if streams and isinstance(sampler, Streamer) and goes_live(ask, course, policy, demands):
            pieces = _stream(ask, asked.query, policy, sampler, clock.share_s(ask.last))
            async with aclosing(live(pieces, demands, clock.share_s(ask.last))) as told:
                async for piece in told:
                    if isinstance(piece, Sampled):
                        replies = [piece]
                    else:
                        given = piece
                        yield Chunk(piece, ask.more[0][0])
        else:
            yield Progress(ask.step.arm.label)
            replies = await _sample(ask, asked.query, policy, sampler, clock.share_s(ask.last))
            replies = await _checked(replies, demands)
        latency_s = perf_counter() - started
        names = [name for name, _ in ask.more]
        attempts += [
            attempt_of(name, n, reply, latency_s) for (name, n), reply in zip(ask.more, replies, strict=True)
        ]
        heard = await _heard(ask, replies, course, asked.query, reward, clock.left_s)
        cost = sum(
            bill(policy.model(name), asked.query, reply) for name, reply in zip(names, replies, strict=True)
        )
        for name, reply in zip(names, replies, strict=True):
            at_reference += reference_bills(policy, policy.model(name), asked.query, reply)
            usages.append(usage_of(policy.model(name), asked.query, reply))
        clock.lap(perf_counter() - started)
        await _add(course, ask, heard, cost, latency_s)
        if given is None:
            yield Progress(ask.step.arm.label, course.steps[-1])
    usage = Usage.total(usages) or Usage(0, 0)
    if given is not None and attempts[-1].error is not None:
        came = heard[-1].sample if heard else None
        yield Broken(attempts[-1].error, came, tuple(attempts), usage, course.spent)
        return
    best = course.kept if given is None else len(course.heard) - 1
    found = _answer(asked, course, best, attempts, at_reference, usage)
    for chunk in _chunks(found, given, include_usage) if streams else ():
        yield Chunk(chunk, found.model)
    yield Ended(found)


def _next(course: Course, clock: Clock) -> Ask | None:
    if clock.has_passed or (clock.is_over and course.kept is not None):
        course.stop("deadline")  # who cannot wait any more is not asked for: hundreds may end at once
    return course.next(clock.in_haste)


async def _add(course: Course, ask: Ask, heard: list[Heard], cost: float, latency_s: float) -> None:
    if len(course.heard) + len(heard) > 1:  # responses are compared, which may take milliseconds
        await asyncio.to_thread(course.add, ask, heard, cost, latency_s)
    else:
        course.add(ask, heard, cost, latency_s)


async def _heard(
    ask: Ask,
    replies: Sequence[Sampled],
    course: Course,
    query: Query,
    reward: Rewarder,
    left_s: float | None,
) -> list[Heard]:
    """The responses of a step, with their rewards where there is anything to choose or to judge, and time."""
    came = [(name, one) for (name, _), reply in zip(ask.more, replies, strict=True) for one in reply.samples]
    rewards: Sequence[float] = [float("nan")] * len(came)
    one_of_many = ask.max_gap is not None or ask.step.arm.n > 1
    if len(came) > 1 or (course.needs_rewards and one_of_many):
        texts = [sample.said for _, sample in came]
        rewards = await _in_time(left_s, reward, query, texts) or rewards
    return [Heard(name, sample, value) for (name, sample), value in zip(came, rewards, strict=True)]


def _chunks(
    found: Answer, given: Mapping[str, Any] | None, include_usage: bool
) -> Iterator[Mapping[str, Any]]:
    """What is still to be given of an answer; `given` is the last chunk, None where there is none yet."""
    for chunk in chunks_of(found.sample, found.model) if given is None else ():
        given = chunk
        yield chunk
    if include_usage and given is not None:
        yield usage_chunk(found.usage, given)


def _stream(
    ask: Ask, query: Query, policy: Policy, sampler: Streamer, left_s: float | None
) -> AsyncGenerator[Any, None]:
    """The stream of the one response of a step; no silence in it lasts longer than the time that is left."""
    model, settings = policy.model(ask.more[0][0]), _settings(ask, policy)
    if left_s is not None:
        settings = settings.model_copy(update={"timeout_s": min(settings.timeout_s, left_s)})
        model = _within(model, left_s)
    return sampler.stream(model, query, settings)


async def _checked(replies: Sequence[Sampled], demands: Demands) -> list[Sampled]:
    """The replies, with the reason at each response that the request does not let win."""
    if demands.has_schemas:
        return await asyncio.to_thread(lambda: [demands.check(reply) for reply in replies])
    return [demands.check(reply) for reply in replies]


async def _in_time(
    left_s: float | None, reward: Rewarder, query: Query, texts: Sequence[str]
) -> Sequence[float] | None:
    """The rewards of responses, from a worker thread; None where they would come too late."""
    rewarding = asyncio.to_thread(reward, query, texts)
    try:
        return await (rewarding if left_s is None else asyncio.wait_for(rewarding, left_s))
    except asyncio.TimeoutError:
        return None


async def _sample(
    ask: Ask, query: Query, policy: Policy, sampler: Sampler, left_s: float | None
) -> list[Sampled]:
    """The replies of every model of a step, all asked at once, within the time that is left."""
    settings = _settings(ask, policy)
    calls = [
        asyncio.ensure_future(_ask(policy.model(name), query, n, settings, sampler, left_s))
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


def _settings(ask: Ask, policy: Policy) -> Sampling:
    return policy.sampling if ask.patient else policy.sampling.model_copy(update={"retries": 0})


async def _ask(
    model: Model, query: Query, n: int, settings: Sampling, sampler: Sampler, left_s: float | None
) -> Sampled:
    if left_s is None:
        return await sampler.sample(model, query, n, settings)
    own_s = left_s + GRACE_S if n == 1 else left_s  # of several calls, those that came are told at the end
    settings = settings.model_copy(update={"timeout_s": min(settings.timeout_s, own_s)})
    return await sampler.sample(_within(model, own_s), query, n, settings)


def _cut(call: asyncio.Future[Sampled], left_s: float) -> Sampled:
    """What is told of a call that nobody waits for any more. It may end by itself, and so be remembered as
    one that got no answer in time: cleaning up after hundreds of calls takes longer than a deadline has."""
    _CUT.add(call)
    call.add_done_callback(_forget)
    asyncio.get_running_loop().call_later(2 * GRACE_S, call.cancel)
    return Sampled(errors=(f"no answer within the {left_s:.3g} s that were left",))


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


def _answer(
    asked: Asked,
    course: Course,
    best: int | None,
    attempts: Sequence[Attempt],
    at_reference: Sequence[float],
    usage: Usage,
) -> Answer:
    if best is None:
        tried = "".join(f"\n  {attempt}" for attempt in attempts)
        ended = _TOO_SOON.get(course.shortfall, "")
        ended += f" ({course.hint})" if course.hint else ""
        raise SamplingError(
            f"no model answered{ended}{':' if tried else '; there was none to ask'}{tried}", attempts
        )
    kept = course.heard[best]
    return Answer(
        text=kept.sample.text,
        model=kept.model,
        n=sum(one.model == kept.model for one in course.heard),
        decision=asked.decision,
        samples=tuple(one.sample for one in course.heard),
        rewards=tuple(one.reward for one in course.heard),
        best=best,
        attempts=tuple(attempts),
        steps=tuple(course.steps),
        cost=course.spent,
        reference_cost=at_reference[best],
        shortfall=course.shortfall,
        usage=usage,
        failed=course.failed,
        writers=tuple(one.model for one in course.heard),
    )
