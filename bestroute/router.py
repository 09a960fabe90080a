"""Router: rules, then the router model, then the first tier within the dial. What users embed.

Sampling and asyncio are imported by the methods that complete: who only routes does not wait for them.
"""

from __future__ import annotations

import logging
import pickle
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from bestroute.answering.agreement import Same
from bestroute.answering.checks import Checked, Checker, Checks
from bestroute.answering.listeners import Listeners
from bestroute.answering.pick import Pick, pick
from bestroute.answering.selection import SELECTORS
from bestroute.answering.sessions import SessionMemory
from bestroute.artefacts.adapter import open_predictor
from bestroute.artefacts.own_reward import open_reward
from bestroute.artefacts.posterior import Posterior
from bestroute.artefacts.predictor import Predictor
from bestroute.artefacts.reward import RewardModel
from bestroute.decision import Decider, Decision, Health
from bestroute.decision.chooser import Chooser
from bestroute.decision.forecasting import Forecaster
from bestroute.decision.order import Asked
from bestroute.decision.planner import Planner
from bestroute.errors import InputError, SamplingError
from bestroute.policy import Policy, load_policy
from bestroute.query import ChatRequest, Query, QueryLike, RequestLike, Session

if TYPE_CHECKING:
    from bestroute.answering.answer import Answer, Event
    from bestroute.answering.course import Course, Grouper
    from bestroute.answering.health import HealthReport, Keeper
    from bestroute.answering.sampling import Sampler

_LOG = logging.getLogger(__name__)


class Opened(NamedTuple):
    """What a router has opened by now, for another to take over; None for what was not needed yet."""

    predictor: Predictor
    reward: RewardModel | None
    sampler: Sampler | None
    sessions: SessionMemory


class Router:
    """Routes queries by one policy. Immutable, deterministic, and safe to share between threads.

    `predictor`, `reward`, `posterior` and `sampler` default to the policy's own: the router model is opened
    here, and the posterior where the policy escalates or stops early; the reward model and the network client
    when first needed. `sessions` remember, for `complete` alone, which model holds a conversation, where the
    policy has `sampling.session`. `checkers` are checks of the caller's own, beside those of the policy. A
    router model that fails or takes longer than
    `time_budget_s` for one query never fails a request: the reference answers, with cause `fallback`, and
    `fallbacks` counts it.

    `on_decision` is told every decision that `route` and `complete` make, `on_answer` every answer, in the
    thread that makes them, so they should be quick; what they raise is logged, and never fails a request.

    A copy of a router is the router itself. One that is pickled opens its artefacts again where it arrives,
    from the same folders, and takes along the parts it was given; one of those that cannot travel raises
    InputError.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        predictor: Predictor | None = None,
        reward: RewardModel | None = None,
        posterior: Posterior | None = None,
        sampler: Sampler | None = None,
        sessions: SessionMemory | None = None,
        checkers: Sequence[Checker] = (),
        time_budget_s: float | None = 1.0,
        on_decision: Callable[[Decision], object] | None = None,
        on_answer: Callable[[Answer], object] | None = None,
    ) -> None:
        self.policy = policy
        self._predictor = (
            predictor
            if predictor is not None
            else open_predictor(policy.router, policy.adapter, policy.columns)
        )
        self._reward = reward
        self._sampler = sampler
        self._sessions = sessions if sessions is not None else SessionMemory()
        judges = policy.sampling.plans
        self._posterior = (posterior or Posterior.load(policy.posterior)) if judges else None
        self._planner = Planner(Decider(policy, self._predictor.manifest), self._posterior)
        self._forecaster = Forecaster(self._predictor)
        self._chooser = Chooser(self._planner, self._forecaster, time_budget_s)
        self._given = {
            "predictor": predictor,
            "reward": reward,
            "posterior": posterior,
            "sampler": sampler,
            "sessions": sessions,
            "checkers": checkers,
            "time_budget_s": time_budget_s,
            "on_decision": on_decision,
            "on_answer": on_answer,
        }
        self._listeners = Listeners(on_decision, on_answer)
        self._loaded = False
        self._selector = SELECTORS[policy.sampling.select]()
        self._checks = Checks(policy.sampling.checks, checkers)
        self._lock = threading.Lock()

    @classmethod
    def from_policy(cls, path: str | Path, **parts: Any) -> Router:
        """A router for a policy file, `parts` as in Router. Raises PolicyError, InputError, ArtefactError."""
        return cls(load_policy(path), **parts)

    def __copy__(self) -> Router:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Router:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        for name, part in self._given.items():
            _check_travels(name, part, self.policy)
        return _reopened, (type(self), self.policy, self._given)

    @property
    def opened(self) -> Opened:
        """What is open here by now; safe to share with another router."""
        with self._lock:
            return Opened(self._predictor, self._reward, self._sampler, self._sessions)

    def route(
        self,
        query: QueryLike,
        *,
        metadata: dict[str, Any] | None = None,
        explain_all: bool = False,
        session: Session | Mapping[str, Any] | None = None,
        health: Health | None = None,
    ) -> Decision:
        """Decide which arm answers a query. No network; milliseconds on one core.

        `session`: which model holds the conversation, as the decision of its last turn had it
        (`decision.session`, or its `as_dict()`); nothing is remembered here.

        `explain_all` asks the router model even where a rule decides, so that every candidate has its gap.
        `health` says which models cannot be asked now, and how long they take: `router.health().now`, or a
        value of your own; nothing is known against any model if absent. Raises InputError for a query with
        nothing to route on.
        """
        asked = Query.of(query, metadata=metadata, session=session)
        decision = self._chooser.one(asked, explain_all, health).decision
        self._listeners.decided(decision)
        return decision

    def route_batch(self, queries: Iterable[QueryLike], *, explain_all: bool = False) -> list[Decision]:
        """Decide many queries at once, in order, as `route` does one by one.

        Predictions agree with `route`'s to within 1e-6 (float sums of other lengths). There is no time
        budget here. Each decision's timings are its share of the batch's.
        """
        if isinstance(queries, (str, bytes)):
            raise InputError("queries is one text; give a list of queries, or use route()")
        return [one.decision for one in self.consider(map(Query.of, queries), explain_all)]

    def consider(self, queries: Iterable[Query], explain_all: bool = False) -> list[Asked]:
        """As `route_batch`, with what each decision rests on, which `course` needs."""
        return self._chooser.many(queries, explain_all)

    def cost_of(self, asked: Asked, query: Query) -> float:
        """US$ that what was decided is expected to cost, were the session of this query that of the one
        asked."""
        return self._planner.cost_of(asked, query)

    def checked(self, query: Query) -> Checked:
        """What the policy's checks, and the caller's, find that a query asks of every response to it."""
        return self._checks.of(query)

    def course(self, asked: Asked, group: Grouper | None = None, checked: Checked | None = None) -> Course:
        """A query that was considered, on its way: for whoever samples in a way of his own.

        `group` tells which responses agree (bestroute.answering.agreement.group if absent), `checked` what
        one fails of what was asked for (this router's, if absent).
        """
        from bestroute.answering.course import Course

        check = self.checked(asked.query) if checked is None else checked
        return Course(asked, self._planner, self._posterior, self._selector, group, check)

    def pick(self, query: QueryLike, responses: Sequence[str], *, same: Same | None = None) -> Pick:
        """Reward every response and keep one: the function `pick` with this policy's model and selector."""
        asked = Query.of(query)
        return pick(self._reward_model(), asked, responses, self._selector, same, self.checked(asked))

    def under(self, policy: Policy) -> Router:
        """A router of a variant of this policy, with another dial or other rules, on what is open here."""
        opened: dict[str, Any] = {
            "predictor": self._predictor,
            "reward": self._reward_model(),
            "posterior": self._posterior,
            "sampler": self._endpoint_sampler(),
            "sessions": self._sessions,
        }
        return Router(policy, **{**self._given, **opened})

    @property
    def digest(self) -> str:
        """The policy's digest, as decisions have it."""
        return self._planner.decider.digest

    @property
    def fallbacks(self) -> int:
        """How many queries the router model failed, or took too long for; the reference got them."""
        return self._forecaster.failures

    async def acomplete(
        self,
        request: RequestLike,
        *,
        metadata: dict[str, Any] | None = None,
        session: Session | Mapping[str, Any] | None = None,
        on_decision: Callable[[Decision], object] | None = None,
    ) -> Answer:
        """Route, sample and pick, along the decision's plan. Raises SamplingError, carrying every attempt,
        when no model answers.

        `request` is a text, messages, a Query, or a whole Chat Completions request: every field of it goes on
        to the model but `model`, `n` and `stream`, which are the policy's to say, and where the policy's
        `sampling` says another thing the request counts. Routing, rewarding and judging run in a worker
        thread, so the event loop is not held up. Raises InputError, naming the field, for a request of wrong
        shape, for `n` above 1, and for what the policy forbids. `on_decision` is told the decision before
        any model is asked.
        """
        import asyncio

        began = perf_counter()
        if not self._loaded:
            await asyncio.to_thread(self._load)
        from bestroute.answering.answer import answer
        from bestroute.answering.request import check_allowed

        query = ChatRequest.of(request, metadata=metadata, session=session).query
        check_allowed(query, self.policy)
        with self._listeners.failing():
            asked = await self._decided(query, on_decision)
            found = await answer(
                asked, self.course(asked), self.policy, self._endpoint_sampler(), self._rewards_of,
                perf_counter() - began,
            )  # fmt: skip
        await self._ended(asked.query, found)
        return found

    async def astream(
        self,
        request: RequestLike,
        *,
        metadata: dict[str, Any] | None = None,
        session: Session | Mapping[str, Any] | None = None,
        on_decision: Callable[[Decision], object] | None = None,
    ) -> AsyncGenerator[Event, None]:
        """As `acomplete`, telling what happens: each `Chunk` of the answer, `Progress` where responses are
        sampled or judged before one is kept, and last `Ended` with the answer, or `Broken`.

        Where one response is kept whatever it says, its chunks are given as they come. Until the first one
        the next tier may answer; later trouble ends the stream with `Broken`, which has what came. A last
        chunk has the usage of everything asked where the request's `stream_options` say `include_usage`.
        Closing the generator, or cancelling its reader, ends what is under way at the endpoint. Raises as
        `acomplete`, before the first chunk.
        """
        import asyncio
        from contextlib import aclosing

        began = perf_counter()
        if not self._loaded:
            await asyncio.to_thread(self._load)
        from bestroute.answering.answer import Ended, run
        from bestroute.answering.events import Broken
        from bestroute.answering.request import check_allowed

        chat = ChatRequest.of(request, metadata=metadata, session=session)
        check_allowed(chat.query, self.policy)
        with self._listeners.failing():
            asked = await self._decided(chat.query, on_decision)
            told = run(
                asked, self.course(asked), self.policy, self._endpoint_sampler(), self._rewards_of,
                perf_counter() - began, streams=True, include_usage=chat.include_usage,
            )  # fmt: skip
            async with aclosing(told) as events:
                async for event in events:
                    if isinstance(event, Ended):
                        await self._ended(asked.query, event.answer)
                    elif isinstance(event, Broken):
                        self._listeners.failed()
                    yield event

    def stream(
        self,
        request: RequestLike,
        *,
        metadata: dict[str, Any] | None = None,
        session: Session | Mapping[str, Any] | None = None,
    ) -> Generator[Event, None, None]:
        """As `astream`, for callers without an event loop. Close it, or read it to its end."""
        from bestroute.answering.blocking import blocking

        return blocking(self.astream(request, metadata=metadata, session=session), "astream")

    def complete(
        self,
        request: RequestLike,
        *,
        metadata: dict[str, Any] | None = None,
        session: Session | Mapping[str, Any] | None = None,
    ) -> Answer:
        """As `acomplete`, for callers without an event loop."""
        import asyncio

        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(self.acomplete(request, metadata=metadata, session=session))
        raise InputError("an event loop runs here: use `await router.acomplete(...)`")

    def health(self) -> HealthReport:
        """How every endpoint that was asked has behaved, and what has come of requests: for monitors."""
        from bestroute.answering.health import HealthReport

        keeper = self._keeper()
        counts = {**self._listeners.counts, "predictor_failed": self.fallbacks}
        if keeper is None:
            return HealthReport(counts=counts)
        return HealthReport(keeper.report(), counts, keeper.now(self.policy.models))

    def warm(self) -> None:
        """Do now what the first request would wait for: import the client, run every model once."""
        self._forecaster.of([Query.of("warm")], None)
        self._rewards_of(Query.of("warm"), ["warm"])
        self._load()

    async def awarm(self) -> None:
        """As `warm`, in a thread, and open a connection to every endpoint on the running loop."""
        import asyncio

        await asyncio.to_thread(self.warm)
        connect = getattr(self._endpoint_sampler(), "connect", None)
        if connect is not None:
            await connect(self.policy.models)

    def _load(self) -> None:
        """Import what answers: in a thread, so that the event loop is not held up."""
        from bestroute.answering import answer, request  # noqa: F401  (imported for what follows)

        load = getattr(self._endpoint_sampler(), "load", None)
        if load is not None:
            load()
        self._loaded = True

    async def _decided(self, query: Query, on_decision: Callable[[Decision], object] | None) -> Asked:
        """One query, decided within the deadline by what is known of endpoints now."""
        import asyncio

        keeper = self._keeper()
        health = None if keeper is None else keeper.now(self.policy.models)
        going_on = asyncio.to_thread(self._go_on, query, health)
        try:
            asked = await asyncio.wait_for(going_on, self.policy.sampling.deadline_s)
        except asyncio.TimeoutError:
            raise SamplingError("no model was asked: the deadline passed before one was chosen") from None
        self._listeners.decided(asked.decision)
        if on_decision is not None:
            on_decision(asked.decision)
        return asked

    async def _ended(self, query: Query, found: Answer) -> None:
        """Remember which model answered a turn, where the policy has sessions, and tell the listeners."""
        import asyncio

        settings = self.policy.sampling.session
        if settings is not None:
            await asyncio.to_thread(self._sessions.note, query, found.model, settings)
        self._listeners.answered(found)

    def _go_on(self, query: Query, health: Health | None) -> Asked:
        """One query, decided as a turn of the conversation that it is remembered to be, where the policy has
        sessions."""
        settings = self.policy.sampling.session
        turn = query if settings is None else self._sessions.recall(query, settings)
        return self._chooser.one(turn, health=health)

    def _keeper(self) -> Keeper | None:
        """What the sampler knows of endpoints; None for one of the caller's own that keeps nothing."""
        return getattr(self._endpoint_sampler(), "health", None)

    def _reward_model(self) -> RewardModel:
        with self._lock:
            if self._reward is None:
                self._reward = open_reward(self.policy.reward, self.policy.adapter)
            return self._reward

    def _endpoint_sampler(self) -> Sampler:
        from bestroute.answering.sampling import EndpointSampler

        with self._lock:
            if self._sampler is None:
                self._sampler = EndpointSampler()
            return self._sampler

    def _rewards_of(self, query: Query, texts: Sequence[str]) -> tuple[float, ...]:
        """A reward for each response that is not blank, NaN for the others.

        A reward model that fails must not lose responses that are paid for: all are NaN then.
        """
        rewards = [float("nan")] * len(texts)
        written = [index for index, text in enumerate(texts) if text.strip()]
        if written:
            try:
                known = self._reward_model().rewards(query.text, [texts[index] for index in written])
            except Exception as error:  # whatever it raises, one of the responses is the answer
                _LOG.warning("reward model failed, a response is kept unrewarded: %r", error)
            else:
                for index, reward in zip(written, known, strict=True):
                    rewards[index] = float(reward)
        return tuple(rewards)


def _reopened(kind: type[Router], policy: Policy, given: dict[str, Any]) -> Router:
    return kind(policy, **given)


def _check_travels(name: str, part: object, policy: Policy) -> None:
    """Raise InputError where a part that was given to a router cannot go to another process."""
    try:
        pickle.dumps(part)
    except Exception as error:  # parts are the user's: what they raise is theirs
        raise InputError(
            f"the router's {name} ({type(part).__name__}) cannot go to another process ({error}); "
            f"make the router there: Router.from_policy({str(policy.path)!r}, {name}=...)"
        ) from error
