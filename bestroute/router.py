"""Router: rules, then the router model, then the first tier within the dial. What users embed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from bestroute.artefact import TokenRow
from bestroute.decision import Cause, Decider, Decision, Forecast
from bestroute.errors import InputError, PredictorError, PredictorOverrun
from bestroute.policy import Policy, load_policy
from bestroute.predictor import OnnxPredictor, Prediction, Predictor
from bestroute.query import Query, QueryLike
from bestroute.reward import OnnxRewardModel, RewardModel
from bestroute.rules import Rule
from bestroute.sampling import Attempt, EndpointSampler, Sample, Sampler, contenders, sample_ladder


class Pick(NamedTuple):
    """The kept response: its index, and the reward of every response (0 to 1) in the order given."""

    best: int
    rewards: tuple[float, ...]


@dataclass(frozen=True)
class Answer:
    """A completed query: the kept text, and everything that led to it.

    `model` and `n` are the arm that answered (another than the decision's where that one gave nothing),
    `samples` all its responses with `rewards` in the same order (NaN for a blank one), `best` the kept one's
    index, `attempts` every arm that was asked.
    """

    text: str
    model: str
    n: int
    decision: Decision
    samples: tuple[Sample, ...]
    rewards: tuple[float, ...]
    best: int
    attempts: tuple[Attempt, ...]


class Router:
    """Routes queries by one policy. Immutable, deterministic, and safe to share between threads.

    `predictor`, `reward` and `sampler` default to the policy's own: the router model is opened here, the
    reward model and the network client when first needed. A router model that fails or takes longer than
    `time_budget_s` for one query never fails a request: the reference answers, with cause `fallback`, and
    `fallbacks` counts it.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        predictor: Predictor | None = None,
        reward: RewardModel | None = None,
        sampler: Sampler | None = None,
        time_budget_s: float | None = 1.0,
    ) -> None:
        self.policy = policy
        self.fallbacks = 0
        self._predictor = predictor if predictor is not None else OnnxPredictor(policy.router)
        self._reward = reward
        self._sampler = sampler
        self._time_budget_s = time_budget_s
        self._decider = Decider(policy, self._predictor.manifest)
        self._lock = threading.Lock()

    @classmethod
    def from_policy(cls, path: str | Path, **parts: Any) -> Router:
        """A router for a policy file, `parts` as in Router. Raises PolicyError, InputError, ArtefactError."""
        return cls(load_policy(path), **parts)

    def route(
        self, query: QueryLike, *, metadata: dict[str, Any] | None = None, explain_all: bool = False
    ) -> Decision:
        """Decide which arm answers a query. No network; about a millisecond for a short one.

        `explain_all` asks the router model even where a rule decides, so that every candidate has its gap.
        Raises InputError for a query with nothing to route on.
        """
        start = perf_counter()
        asked = Query.of(query, metadata=metadata)
        rule = self._decider.rule_for(asked)
        ruled = perf_counter()
        if rule is not None and rule.route is not None and not explain_all:
            decision = self._decider.decide(asked, rule, None)
            return _timed(decision, start, ruled, ruled, ruled)
        if not asked.text.strip():
            return _timed(self._decider.decide(asked, rule, None, "abstain"), start, ruled, ruled, ruled)
        rows = self._predictor.tokenize([asked.text])
        tokenized = perf_counter()
        forecast, without = self._forecast(rows)
        predicted = perf_counter()
        return _timed(
            self._decider.decide(asked, rule, forecast, without), start, ruled, tokenized, predicted
        )

    def route_batch(self, queries: Iterable[QueryLike], *, explain_all: bool = False) -> list[Decision]:
        """Decide many queries at once, in order; the same decisions as `route` gives one by one.

        There is no time budget here. Each decision's timings are its share of the batch's.
        """
        start = perf_counter()
        asked = [Query.of(query) for query in queries]
        rules = [self._decider.rule_for(query) for query in asked]
        ruled = perf_counter()
        open_ = [
            index
            for index, (query, rule) in enumerate(zip(asked, rules, strict=True))
            if query.text.strip() and (explain_all or rule is None or rule.route is None)
        ]
        rows = self._predictor.tokenize([asked[index].text for index in open_]) if open_ else []
        tokenized = perf_counter()
        forecasts = dict(zip(open_, self._forecasts(rows), strict=True))
        predicted = perf_counter()
        decisions = [
            self._decider.decide(query, rule, *forecasts.get(index, (None, _unpredicted(rule))))
            for index, (query, rule) in enumerate(zip(asked, rules, strict=True))
        ]
        share = _timings((start, ruled, tokenized, predicted, perf_counter()), max(1, len(asked)))
        return [replace(decision, timings_ms=share) for decision in decisions]

    def pick(self, query: QueryLike, responses: Sequence[str]) -> Pick:
        """Reward every response and keep the best, as the function `pick` with this policy's reward model."""
        return pick(self._reward_model(), query, responses)

    async def acomplete(self, messages: QueryLike, *, metadata: dict[str, Any] | None = None) -> Answer:
        """Route, sample and pick. Raises SamplingError, carrying every attempt, when no model answers.

        Routing and rewarding run in a worker thread, so the event loop is not held up.
        """
        query = Query.of(messages, metadata=metadata)
        decision = await asyncio.to_thread(self.route, query)
        ladder = self._decider.ladder(decision, query, self._decider.rule_for(query))
        outcome = await sample_ladder(ladder, query, self._endpoint_sampler(), self.policy.sampling)
        texts = [sample.text for sample in outcome.samples]
        rewards = await asyncio.to_thread(self._rewards_of, query, texts)
        best = _best(contenders(outcome.samples), texts, rewards)
        model, n = ladder[outcome.rung]
        return Answer(texts[best], model.name, n, decision, outcome.samples, rewards, best, outcome.attempts)

    def complete(self, messages: QueryLike, *, metadata: dict[str, Any] | None = None) -> Answer:
        """As `acomplete`, for callers without an event loop."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(self.acomplete(messages, metadata=metadata))
        raise InputError("an event loop runs here: use `await router.acomplete(...)`")

    def _forecast(self, rows: Sequence[TokenRow]) -> tuple[Forecast | None, Cause | None]:
        started = perf_counter()
        try:
            prediction = self._predictor.predict(rows, self._time_budget_s)
            if self._time_budget_s is not None and perf_counter() - started > self._time_budget_s:
                raise PredictorOverrun("the answer came after the time budget had passed")
        except PredictorError:
            return self._fall_back(1)[0]
        return _forecast_at(prediction, 0), None

    def _forecasts(self, rows: Sequence[TokenRow]) -> list[tuple[Forecast | None, Cause | None]]:
        if not rows:
            return []
        try:
            prediction = self._predictor.predict(rows)
        except PredictorError:
            return self._fall_back(len(rows))
        return [(_forecast_at(prediction, index), None) for index in range(len(rows))]

    def _fall_back(self, count: int) -> list[tuple[Forecast | None, Cause | None]]:
        with self._lock:
            self.fallbacks += count
        return [(None, "fallback")] * count

    def _reward_model(self) -> RewardModel:
        with self._lock:
            if self._reward is None:
                self._reward = OnnxRewardModel(self.policy.reward)
            return self._reward

    def _endpoint_sampler(self) -> Sampler:
        with self._lock:
            if self._sampler is None:
                self._sampler = EndpointSampler()
            return self._sampler

    def _rewards_of(self, query: Query, texts: Sequence[str]) -> tuple[float, ...]:
        whole = [text for text in texts if text.strip()]
        known = iter(self._reward_model().rewards(query.text, whole))
        return tuple(float(next(known)) if text.strip() else float("nan") for text in texts)


def pick(model: RewardModel, query: QueryLike, responses: Sequence[str]) -> Pick:
    """Reward every response and keep the best. Raises InputError when there is none to keep.

    Blank responses never win; ties go to the shorter text, then to the earlier in the alphabet, so the order
    of arrival does not matter.
    """
    texts = list(responses)
    if not any(text.strip() for text in texts):
        raise InputError("there is no response to pick from: give at least one that is not blank")
    rewards = tuple(float(value) for value in model.rewards(Query.of(query).text, texts))
    return Pick(_best(range(len(texts)), texts, rewards), rewards)


def _best(indices: Iterable[int], texts: Sequence[str], rewards: Sequence[float]) -> int:
    written = [index for index in indices if texts[index].strip()]
    return min(written, key=lambda index: (-rewards[index], len(texts[index]), texts[index], index))


def _unpredicted(rule: Rule | None) -> Cause | None:
    return None if rule is not None and rule.route is not None else "abstain"


def _forecast_at(prediction: Prediction, index: int) -> Forecast:
    return Forecast(prediction.quality[index], prediction.match[index], prediction.output_tokens[index])


def _timed(decision: Decision, *marks: float) -> Decision:
    return replace(decision, timings_ms=_timings((*marks, perf_counter()), 1))


def _timings(marks: tuple[float, ...], share: int) -> dict[str, float]:
    """Milliseconds between the marks start, ruled, tokenized, predicted and end, divided by `share`."""
    start, ruled, tokenized, predicted, end = marks
    spans = {
        "rules": ruled - start,
        "tokenize": tokenized - ruled,
        "predict": predicted - tokenized,
        "total": end - start,
    }
    return {name: round(span * 1000 / share, 4) for name, span in spans.items()}
