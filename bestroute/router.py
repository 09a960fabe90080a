"""Router: rules, then the router model, then the first tier within the dial. What users embed.

What samples, checks and compares responses is imported by the methods that do: who only routes does not wait.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from bestroute.answering.given import check_call, check_calls, check_list
from bestroute.answering.listeners import Listeners
from bestroute.answering.means import Means, Opened, check_travels
from bestroute.answering.selection import SELECTORS
from bestroute.answering.sessions import SessionMemory
from bestroute.artefacts.adapter import open_predictor
from bestroute.artefacts.posterior import Posterior
from bestroute.artefacts.predictor import Predictor
from bestroute.artefacts.reward import RewardModel
from bestroute.decision import Decider, Decision, Health
from bestroute.decision.chooser import Chooser
from bestroute.decision.forecasting import Forecaster
from bestroute.decision.order import Asked
from bestroute.decision.planner import Planner
from bestroute.errors import InputError
from bestroute.policy import Policy, load_policy
from bestroute.query import ChatRequest, Query, QueryLike, RequestLike, Session

if TYPE_CHECKING:
    from bestroute.answering.agreement import Same
    from bestroute.answering.answer import Answer, Event
    from bestroute.answering.checks import Checked, Checker, Checks
    from bestroute.answering.completing import Completer
    from bestroute.answering.course import Course, Grouper
    from bestroute.answering.health import HealthReport
    from bestroute.answering.pick import Pick
    from bestroute.answering.sampling import Sampler


class Router:
    """Routes queries by one policy. Immutable, deterministic, and safe to share between threads.

    `predictor`, `reward`, `posterior` and `sampler` default to the policy's own: the router model is opened
    here, and the posterior where the policy escalates or stops early; the reward model and the network client
    when first needed. `sessions` remember, for `complete` alone, which model holds a conversation, where the
    policy has `sampling.session`. `checkers` are checks of the caller's own, beside those of the policy. A
    router model that fails or takes longer than `time_budget_s` for one query never fails a request: the
    reference answers, with cause `fallback`, and `fallbacks` counts it.

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
        if not isinstance(policy, Policy):
            raise InputError(
                f"a Router is made of a Policy, not of {policy!r:.80}; Router.from_policy(path) reads a file"
            )
        check_calls(on_decision=on_decision, on_answer=on_answer)
        for checker in check_list("checkers", checkers):
            check_call("checkers", checker)
        self.policy = policy
        opened = predictor
        if opened is None:
            opened = open_predictor(policy.router, policy.adapter, policy.columns)
        self._means = Means(policy, opened, reward, sampler, sessions)
        self._posterior = (posterior or Posterior.load(policy.posterior)) if policy.sampling.plans else None
        self._planner = Planner(Decider(policy, opened.manifest), self._posterior)
        self._forecaster = Forecaster(opened)
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
        self._completer: Completer | None = None
        self._selector = SELECTORS[policy.sampling.select]()
        self._checkers = checkers
        self._checks: Checks | None = None

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
            check_travels(name, part, self.policy)
        return _reopened, (type(self), self.policy, self._given)

    @property
    def opened(self) -> Opened:
        """What is open here by now; safe to share with another router."""
        return self._means.opened

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
        if isinstance(queries, (str, bytes, Mapping)) or not isinstance(queries, Iterable):
            raise InputError(f"queries is {type(queries).__name__}; give a list of queries, or use route()")
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
        if self._checks is None:
            from bestroute.answering.checks import Checks

            self._checks = Checks(self.policy.sampling.checks, self._checkers)
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
        from bestroute.answering.pick import pick

        asked = Query.of(query)
        return pick(self._means.reward_model(), asked, responses, self._selector, same, self.checked(asked))

    def under(self, policy: Policy) -> Router:
        """A router of a variant of this policy, with another dial or other rules, on what is open here."""
        opened: dict[str, Any] = {
            "predictor": self._forecaster.predictor,
            "reward": self._means.reward_model(),
            "posterior": self._posterior,
            "sampler": self._means.sampler(),
            "sessions": self._means.sessions,
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
        completer = self._completer
        if completer is None:
            completer = await asyncio.to_thread(self._load)
        chat = ChatRequest.of(request, metadata=metadata, session=session)
        return await completer.complete(chat, began, on_decision)

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
        completer = self._completer
        if completer is None:
            completer = await asyncio.to_thread(self._load)
        chat = ChatRequest.of(request, metadata=metadata, session=session)
        async with aclosing(completer.stream(chat, began, on_decision)) as events:
            async for event in events:
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

        keeper = self._means.keeper()
        counts = {**self._listeners.counts, "predictor_failed": self.fallbacks}
        if keeper is None:
            return HealthReport(counts=counts)
        return HealthReport(keeper.report(), counts, keeper.now(self.policy.models))

    def warm(self) -> None:
        """Do now what the first request would wait for: import the client, run every model once."""
        self._forecaster.of([Query.of("warm")], None)
        self._means.rewards_of(Query.of("warm"), ["warm"])
        self._load()

    async def awarm(self) -> None:
        """As `warm`, in a thread, and open a connection to every endpoint on the running loop."""
        import asyncio

        await asyncio.to_thread(self.warm)
        connect = getattr(self._means.sampler(), "connect", None)
        if connect is not None:
            await connect(self.policy.models)

    def _load(self) -> Completer:
        """Import what answers: in a thread, so that the event loop is not held up."""
        from bestroute.answering.completing import Completer

        load = getattr(self._means.sampler(), "load", None)
        if load is not None:
            load()
        self._completer = Completer(self.policy, self._chooser, self.course, self._means, self._listeners)
        return self._completer


def _reopened(kind: type[Router], policy: Policy, given: dict[str, Any]) -> Router:
    return kind(policy, **given)
