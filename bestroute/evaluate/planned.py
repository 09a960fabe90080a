"""Plans as a strategy: the very `Planner` and `Course` that serve, played on recorded responses.

A plan's outcome depends on which responses come first, so each query is played several times with its
recorded responses in a seeded random order, drawn without replacement; `Played.error` tells what that
leaves open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import nan
from typing import Literal

import numpy as np

from bestroute.answers.agreement import group
from bestroute.arms import Arm
from bestroute.course import Ask, Grouper, Heard
from bestroute.evaluate.curve import Played
from bestroute.evaluate.replay import Recorded, Replay
from bestroute.evaluate.routed import Recall, Routed
from bestroute.inference import TokenRow
from bestroute.planner import Asked
from bestroute.policy import Policy
from bestroute.posterior import Posterior
from bestroute.predictor import Prediction, Predictor
from bestroute.query import Query
from bestroute.records import scores_of
from bestroute.router import Router
from bestroute.sampling.values import Sample

Part = Literal["query", "rewards", "agreement"]
PARTS: tuple[Part, ...] = ("query", "rewards", "agreement")
DIALS = np.round([-1, -0.3, -0.2, -0.15, *np.arange(-0.1, 0.2, 0.01), 0.25, 0.3, 0.4, 1], 3)


@dataclass(frozen=True)
class _End:
    """What one play came to: score of the kept response, US$, rounds of asking, and whose it is."""

    score: float
    cost: float
    rounds: int
    arm: Arm


@dataclass
class _Game:
    """One query, its recorded responses in one order, and what has been asked of them."""

    recorded: Recorded
    order: Mapping[str, Sequence[int]]
    rewarded: bool
    asked: Counter[str] = field(default_factory=Counter)
    scores: list[float] = field(default_factory=list)

    def answer(self, ask: Ask, policy: Policy) -> tuple[list[Heard], float]:
        """The responses that were asked for, and what they cost."""
        came, cost = [], 0.0
        for name, more in ask.more:
            responses = self.recorded.responses[name]
            start = self.asked[name]
            for place in self.order[name][start : start + more]:
                one = responses[place]
                reward = one.reward if self.rewarded and one.reward is not None else nan
                came.append(Heard(name, Sample(one.text or ""), reward))
                self.scores.append(scores_of([one])[0])
            self.asked[name] += more
            cost += policy.model(name).cost(
                more, self.recorded.input_tokens, self.recorded.output_tokens[name]
            )
        return came, cost


@dataclass(frozen=True)
class Table:
    """What plans are played with: the queries, their responses with rewards, and how often to play each."""

    policy: Policy
    replay: Replay
    queries: Sequence[Query]
    recorded: Sequence[Recorded]
    posterior: Posterior
    draws: int = 4
    seed: int = 0


def planned(
    table: Table,
    base: Routed,
    *,
    name: str = "router",
    without: Part | None = None,
    advance: Callable[[], None] = lambda: None,
) -> Routed:
    """Play the plans of a policy at every setting of its dial; `base` is its router in one shot.

    `without` leaves a part of the evidence out: what the `query` tells (every prediction is then the mean of
    all), the `rewards`, or the `agreement`.
    """
    policy, replay, queries = table.policy, table.replay, table.queries
    predictor: Predictor = base.recall
    if without == "query":
        predictor = Blind(base.recall, [query.text for query in queries])
    orders = _orders(table)
    groups = _groupers(queries, without)
    dials = np.unique(np.append(DIALS, policy.max_gap))
    shape = (len(dials), len(queries))
    quality, cost, rounds = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    shares, error = np.zeros((*shape, len(replay.arms))), np.zeros(len(dials))
    own = int(np.flatnonzero(dials == policy.max_gap)[0])
    causes: Counter[str] = Counter()
    for index, dial in enumerate(dials):
        router = Router(
            policy.model_copy(update={"max_gap": float(dial)}),
            predictor=predictor,
            posterior=table.posterior,
            time_budget_s=None,
        )
        considered = router.consider(queries)
        ends = [
            [_play(router, asked, _Game(table.recorded[row], order, without != "rewards"), groups[row])
             for order in orders[row]]
            for row, asked in enumerate(considered)
        ]  # fmt: skip
        scores = np.array([[end.score for end in part] for part in ends])
        quality[index], cost[index] = scores.mean(axis=1), [np.mean([e.cost for e in part]) for part in ends]
        rounds[index] = [np.mean([end.rounds for end in part]) for part in ends]
        error[index] = scores.mean(axis=0).std(ddof=1) / table.draws**0.5 if table.draws > 1 else nan
        for row, part in enumerate(ends):
            for end in part:
                shares[index, row, _tier_of(end.arm, replay.arms)] += 1 / table.draws
        if index == own:
            causes.update(asked.decision.cause for asked in considered)
        advance()
    strategy = Played(
        name, dials, shares, base.strategy.predicted, quality=quality, cost=cost, rounds=rounds, error=error
    )
    return replace(base, strategy=strategy, own=own, causes=dict(causes.most_common()))


def _tier_of(arm: Arm, arms: Sequence[Arm]) -> int:
    """Index of an arm, or of the first that a smaller one of its models is a part of."""
    if arm in arms:
        return arms.index(arm)
    return next(place for place, one in enumerate(arms) if one.models.keys() == arm.models.keys())


class Blind:
    """A Predictor that says the same of every query: the mean of what another one says of some."""

    def __init__(self, recall: Recall, texts: Sequence[str]) -> None:
        self.manifest = recall.manifest
        said = recall.said_of(texts)
        self._mean = Prediction(
            np.nanmean(said.quality, axis=0),
            np.nanmean(said.match, axis=0),
            np.nanmean(said.output_tokens, axis=0),
        )

    def tokenize(self, texts: Sequence[str]) -> list[TokenRow]:
        """A row of no meaning for each text."""
        return [TokenRow([0], 1) for _ in texts]

    def predict(self, rows: Sequence[TokenRow], time_budget_s: float | None = None) -> Prediction:
        """The mean, for every row."""
        mean = self._mean
        return Prediction(
            *(np.stack([of] * len(rows)) for of in (mean.quality, mean.match, mean.output_tokens))
        )


def _play(router: Router, asked: Asked, game: _Game, group: Grouper) -> _End:
    """One query from its decision to the response that is kept."""
    course = router.course(asked, group)
    arm = asked.decision.arm
    while (ask := course.next()) is not None:
        came, cost = game.answer(ask, router.policy)
        course.add(ask, came, cost)
        arm = ask.step.arm
    assert course.kept is not None
    reference = router.policy.reference
    if arm == Arm(model=reference):  # whichever of the recorded ones comes is taken: their mean, exactly
        return _End(
            float(np.mean(scores_of(game.recorded.responses[reference]))),
            course.spent,
            len(course.steps),
            arm,
        )
    return _End(game.scores[course.kept], course.spent, len(course.steps), arm)


def _orders(table: Table) -> list[list[dict[str, list[int]]]]:
    """For every query and draw, the order in which each model's recorded responses come."""
    generator = np.random.default_rng(table.seed)
    return [
        [
            {name: generator.permutation(len(items)).tolist() for name, items in one.responses.items()}
            for _ in range(table.draws)
        ]
        for one in table.recorded
    ]


def _groupers(queries: Sequence[Query], without: Part | None) -> list[Grouper]:
    """How the responses to each query are grouped; what was grouped once is remembered."""
    if without == "agreement":
        return [lambda texts: range(len(texts))] * len(queries)
    return [_remembered() for _ in queries]


def _remembered() -> Grouper:
    known: dict[tuple[str, ...], dict[str, int]] = {}

    def grouped(texts: Sequence[str]) -> list[int]:
        key = tuple(sorted(texts))
        if key not in known:
            known[key] = dict(zip(texts, group(texts).of, strict=True))
        return [known[key][text] for text in texts]

    return grouped
