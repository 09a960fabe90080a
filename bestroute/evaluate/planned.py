"""Plans as a strategy: the very `Planner` and `Course` that serve, played on recorded responses.

A plan's outcome depends on which responses come first, so each query is played several times with its
recorded responses in a seeded random order, drawn without replacement; `Played.error` tells what that
leaves open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import nan
from typing import Literal

import numpy as np

from bestroute.answering.agreement.group import group
from bestroute.answering.checks import Checked
from bestroute.answering.course import Ask, Course, Grouper, Heard
from bestroute.answering.sampling.values import Sample
from bestroute.artefacts.posterior import Posterior
from bestroute.artefacts.predictor import Prediction, Predictor
from bestroute.artefacts.session import TokenRow
from bestroute.decision.order import Asked
from bestroute.evaluate.curve import Played
from bestroute.evaluate.processes import in_processes
from bestroute.evaluate.remembering import RememberingPosterior
from bestroute.evaluate.replay import Floats, Recorded, Replay
from bestroute.evaluate.routed import Recall, Routed
from bestroute.policy import Policy
from bestroute.policy.arms import Arm
from bestroute.policy.objective import AnyObjective, CostPerPoint
from bestroute.query import Query
from bestroute.records.record import scores_of
from bestroute.router import Router

Part = Literal["query", "rewards", "agreement"]
_BLANK = "-"
_WORTH_A_PROCESS = 100  # queries
PARTS: tuple[Part, ...] = ("query", "rewards", "agreement")
DIALS = np.round([-1, -0.3, -0.2, -0.15, *np.arange(-0.1, 0.2, 0.01), 0.25, 0.3, 0.4, 1], 3)


@dataclass(frozen=True)
class _End:
    """What one play came to: score of the kept response, US$, rounds of asking, responses that came, and
    whose is kept."""

    score: float
    cost: float
    rounds: int
    responses: int
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
                text = one.text or ""
                if name == policy.reference and not text.strip():
                    text = _BLANK  # taken as it is, and it has its score
                came.append(Heard(name, Sample(text), reward))
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
    every: int = 1,
    processes: int = 1,
) -> Routed:
    """Play the plans of a policy at every setting of its dial, or at one in so many; `base` is its router in
    one shot. Dials are played in `processes`, which changes no figure.

    `without` leaves a part of the evidence out: what the `query` tells (every prediction is then the mean of
    all), the `rewards`, or the `agreement`.
    """
    policy = table.policy
    objective = policy.objective
    dials = np.unique(np.append(dials_for(objective, table.replay)[::every], objective.setting))
    own = int(np.flatnonzero(dials == objective.setting)[0])
    player = Player(table, base.recall, without)
    played: list[AtDial] = []
    enough = len(table.queries) >= _WORTH_A_PROCESS
    for found in in_processes(player.at, dials.tolist(), processes if enough else 1):
        played.append(found)
        advance()
    strategy = Played(
        name,
        dials,
        np.stack([one.shares for one in played]),
        base.strategy.predicted,
        quality=np.stack([one.quality for one in played]),
        cost=np.stack([one.cost for one in played]),
        rounds=np.stack([one.rounds for one in played]),
        responses=np.stack([one.responses for one in played]),
        error=np.array([one.error for one in played]),
    )
    return replace(base, strategy=strategy, own=own, causes=played[own].causes)


def dials_for(objective: AnyObjective, replay: Replay) -> Floats:
    """Settings to play: gaps or, where a quality point has a price, prices at which the reference's mean cost
    pays for such gaps."""
    if not isinstance(objective, CostPerPoint):
        return DIALS
    gaps = np.geomspace(0.003, 1, len(DIALS) - 2)
    return np.concatenate([replay.cost[:, -1].mean() / gaps, [0.0, objective.grid[0]]])


@dataclass(frozen=True)
class AtDial:
    """What plans gave at one dial: `quality`, `cost` (US$), `rounds` and `responses` of each query
    (queries,), `shares` (queries, arms) of whose response was kept; `error` as in Played; `causes` of the
    decisions.
    """

    quality: Floats
    cost: Floats
    rounds: Floats
    responses: Floats
    shares: Floats
    error: float
    causes: dict[str, int]


class Player:
    """Plays the plans of a policy at one dial after another; every dial meets the responses in the same
    order. `recall` remembers what the router model says; `without` as in `planned`.
    """

    def __init__(self, table: Table, recall: Recall, without: Part | None = None) -> None:
        self._table, self._without = table, without
        parts = table.posterior
        self._posterior = RememberingPosterior(parts.kept, parts.reference, parts.agrees, parts.reward)
        texts = [query.text for query in table.queries]
        self._predictor: Predictor = Blind(recall, texts) if without == "query" else recall
        self._orders = _orders(table)
        self._groups = _groupers(table.queries, without)
        self._reference = Arm(model=table.policy.reference)

    def at(self, dial: float) -> AtDial:
        """Play every query at this dial."""
        return self.under(self._table.policy.at(dial))

    def under(self, policy: Policy) -> AtDial:
        """Play every query with the dials as they stand in this copy of the policy."""
        table = self._table
        router = Router(
            policy,
            predictor=self._predictor,
            posterior=self._posterior,
            time_budget_s=None,
        )
        considered = router.consider(table.queries)
        ends = [list(self._ends(router, asked, row)) for row, asked in enumerate(considered)]
        scores = np.array([[end.score for end in part] for part in ends])
        shares = np.zeros((len(ends), len(table.replay.arms)))
        for row, part in enumerate(ends):
            for end in part:
                shares[row, tier_of(end.arm, table.replay.arms)] += 1 / table.draws
        return AtDial(
            quality=scores.mean(axis=1),
            cost=np.array([[end.cost for end in part] for part in ends]).mean(axis=1),
            rounds=np.array([[end.rounds for end in part] for part in ends]).mean(axis=1),
            responses=np.array([[end.responses for end in part] for part in ends]).mean(axis=1),
            shares=shares,
            error=float(scores.mean(axis=0).std(ddof=1) / table.draws**0.5) if table.draws > 1 else nan,
            causes=dict(Counter(asked.decision.cause for asked in considered).most_common()),
        )

    def _ends(self, router: Router, asked: Asked, row: int) -> Iterator[_End]:
        """What every play of one query comes to; where the reference alone is asked, all come to the same."""
        end: _End | None = None
        for order in self._orders[row]:
            if end is None or end.rounds > 1 or end.arm != self._reference:
                recorded = self._table.recorded[row]
                game = _Game(recorded, order, self._without != "rewards")
                course = router.course(asked, self._groups[row], recorded.checked)
                end = self._play(course, asked.decision.arm, game, recorded.checked)
            yield end

    def _play(self, course: Course, arm: Arm, game: _Game, checked: Checked) -> _End:
        """One query from its decision to the response that is kept."""
        while (ask := course.next()) is not None:
            came, cost = game.answer(ask, self._table.policy)
            course.add(ask, came, cost)
            arm = ask.step.arm
        score = 0.0 if course.kept is None else game.scores[course.kept]
        its = game.recorded.responses[self._reference.model]
        taken = course.kept is not None and arm == self._reference
        if taken and not any(checked(one.text or "") for one in its):
            score = float(np.mean(scores_of(its)))  # of whichever comes: their mean, exactly
        return _End(score, course.spent, len(course.steps), len(course.heard), arm)


def tier_of(arm: Arm, arms: Sequence[Arm]) -> int:
    """Index of an arm in `arms`, or of the first that a smaller one of its models is a part of."""
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
        return [TokenRow([0]) for _ in texts]

    def predict(self, rows: Sequence[TokenRow], time_budget_s: float | None = None) -> Prediction:
        """The mean, for every row."""
        mean = self._mean
        return Prediction(
            *(np.stack([of] * len(rows)) for of in (mean.quality, mean.match, mean.output_tokens))
        )


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
