"""Trials: what a policy gives on some queries at any setting of its dial, by the very Router that serves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import nan
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bestroute.artefacts.posterior import Posterior
from bestroute.decision import Decision
from bestroute.evaluate.planned import Player, Table, tier_of
from bestroute.evaluate.replay import Floats, Replayed, arms_of
from bestroute.evaluate.routed import Recall
from bestroute.policy import Policy
from bestroute.policy.arms import Arm
from bestroute.policy.objective import AnyObjective
from bestroute.query import Query
from bestroute.records.record import bucket
from bestroute.retune.calibrate.shape import Shape
from bestroute.retune.dry_run import decide_all
from bestroute.router import Router


@dataclass(frozen=True)
class Outcome:
    """What one setting of the dial gives, a query each: `cost` in US$, `calls` (sequential rounds of asking),
    `shares` (queries, arms) of whose response is kept, and `quality`, None where nothing is known of it; then
    `gap`, what is predicted to be lost, in quality points, NaN where not even that is known.
    """

    dial: float
    cost: Floats
    calls: Floats
    shares: Floats
    quality: Floats | None = None
    gap: Floats | None = None

    def of(self, places: NDArray[np.intp]) -> Outcome:
        """The same of some of the queries."""
        known = (None if one is None else one[places] for one in (self.quality, self.gap))
        return Outcome(self.dial, self.cost[places], self.calls[places], self.shares[places], *known)


class Trials(Protocol):
    """Queries on which a dial can be tried. `reference_quality` (queries,) is None where nothing is known."""

    objective: AnyObjective
    arms: tuple[Arm, ...]
    reference_cost: Floats
    reference_quality: Floats | None

    def __len__(self) -> int:
        """How many queries there are."""
        ...

    def at(self, dial: float) -> Outcome:
        """What this setting gives."""
        ...


class OnRecords(ABC):
    """Trials on records, which any setting of a policy's dials can be tried on, its tiers' own too."""

    def __init__(self, policy: Policy, replayed: Replayed) -> None:
        self.policy, self.objective = policy, policy.objective
        self._queries = replayed.queries
        self.arms = replayed.replay.arms
        self.reference_cost = replayed.replay.cost[:, -1]
        self.reference_quality: Floats | None = replayed.replay.quality[:, -1]

    def __len__(self) -> int:
        return len(self._queries)

    def at(self, dial: float) -> Outcome:
        """What this setting gives."""
        return self.under(self.policy.at(dial))

    @abstractmethod
    def under(self, policy: Policy) -> Outcome:
        """What the policy gives with its dials as they stand in this copy."""


class OneShot(OnRecords):
    """Trials on records: the decided arm's expected quality and cost."""

    def __init__(self, policy: Policy, replayed: Replayed, recall: Recall) -> None:
        super().__init__(policy.in_one_shot(), replayed)
        self._recall, self._replay = recall, replayed.replay

    def under(self, policy: Policy) -> Outcome:
        """What the policy gives with its dials as they stand in this copy."""
        decided = _decisions(policy, self._queries, self._recall)
        places = np.array([self.arms.index(decision.arm) for decision in decided], np.intp)
        rows = np.arange(len(places))
        return Outcome(
            policy.objective.setting,
            cost=self._replay.cost[rows, places],
            calls=np.ones(len(places)),
            shares=np.eye(len(self.arms))[places],
            quality=self._replay.quality[rows, places],
        )


class Escalating(OnRecords):
    """Trials on records: plans played on the recorded responses, in a random order that every dial shares."""

    def __init__(self, policy: Policy, replayed: Replayed, recall: Recall, seed: int = 0) -> None:
        super().__init__(policy, replayed)
        posterior = Posterior.load(policy.posterior)
        table = Table(policy, replayed.replay, replayed.queries, replayed.recorded, posterior, seed=seed)
        self._player = Player(table, recall)

    def under(self, policy: Policy) -> Outcome:
        """What the policy gives with its dials as they stand in this copy."""
        played = self._player.under(policy)
        return Outcome(policy.objective.setting, played.cost, played.rounds, played.shares, played.quality)


class _Through:
    """Other trials, where `at` gives what a setting does; `advance` is called after each."""

    def __init__(self, trials: Trials, at: Callable[[float], Outcome], advance: Callable[[], None]) -> None:
        self._trials, self._at, self._advance = trials, at, advance
        self.objective, self.arms = trials.objective, trials.arms
        self.reference_cost, self.reference_quality = trials.reference_cost, trials.reference_quality

    def __len__(self) -> int:
        return len(self._trials)

    def at(self, dial: float) -> Outcome:
        """What this setting gives."""
        outcome = self._at(dial)
        self._advance()
        return outcome


def counted(trials: Trials, advance: Callable[[], None]) -> Trials:
    """The same trials; `advance` is called at every setting that is tried."""
    return _Through(trials, trials.at, advance)


def shaped(trials: OnRecords, shape: Shape, advance: Callable[[], None] = lambda: None) -> Trials:
    """Trials of a policy whose tiers keep their distances from the dial; `advance` as in `counted`."""
    return _Through(trials, lambda dial: trials.under(shape.at(trials.policy, dial)), advance)


def remembered(trials: Trials) -> Trials:
    """The same trials; what a setting gave is not tried again."""
    return _Through(trials, cache(trials.at), lambda: None)


class Part:
    """Trials on some of the queries of others."""

    def __init__(self, trials: Trials, places: NDArray[np.intp]) -> None:
        self._trials, self._places = trials, places
        self.objective, self.arms = trials.objective, trials.arms
        quality = trials.reference_quality
        self.reference_cost = trials.reference_cost[places]
        self.reference_quality = None if quality is None else quality[places]

    def __len__(self) -> int:
        return len(self._places)

    def at(self, dial: float) -> Outcome:
        """What this setting gives."""
        return self._trials.at(dial).of(self._places)


class Expected:
    """Trials on plain queries: what the router expects that they cost and lose; quality is not known.

    `explain_all`: also of those that a rule routes.
    """

    def __init__(
        self, policy: Policy, queries: Sequence[Query], recall: Recall, explain_all: bool = False
    ) -> None:
        self._queries, self._recall, self._explain_all = tuple(queries), recall, explain_all
        self._policy = policy
        self.objective, self.arms = policy.objective, arms_of(policy)
        self.reference_quality: Floats | None = None
        self.reference_cost = np.fromiter((one.reference_cost for one in self._decided(policy)), float)

    def __len__(self) -> int:
        return len(self._queries)

    def at(self, dial: float) -> Outcome:
        """What this setting gives."""
        cost, calls, gap = (np.empty(len(self)) for _ in range(3))
        shares = np.zeros((len(self), len(self.arms)))
        for row, decision in enumerate(self._decided(self._policy.at(dial))):
            cost[row], calls[row] = decision.expected_cost, decision.expected_calls
            gap[row] = nan if decision.expected_gap is None else decision.expected_gap
            for step in decision.plan:
                shares[row, tier_of(step.arm, self.arms)] += step.reached * step.chance
        return Outcome(dial, cost, calls, shares, gap=gap)

    def _decided(self, policy: Policy) -> Iterator[Decision]:
        return _decisions(policy, self._queries, self._recall, self._explain_all)


def trials_of(policy: Policy, replayed: Replayed, recall: Recall, seed: int = 0) -> OnRecords:
    """Trials on records, played where the policy escalates or stops early."""
    if policy.sampling.plans:
        return Escalating(policy, replayed, recall, seed)
    return OneShot(policy, replayed, recall)


def halves(texts: Sequence[str], seed: int = 0) -> tuple[list[int], list[int]]:
    """Places of the texts that choose and of those that judge, each in a random order.

    Side and order come from a hash of the text, never from the order of the file.
    """
    order = sorted(range(len(texts)), key=lambda place: bucket(texts[place], f"order {seed}", 2**64))
    sides: tuple[list[int], list[int]] = ([], [])
    for place in order:
        sides[bucket(texts[place], f"half {seed}", 2)].append(place)
    return sides


def thirds(texts: Sequence[str], places: Sequence[int], seed: int = 0) -> tuple[list[int], list[int]]:
    """Of the places of some texts a third that shapes and the rest, which chooses; each keeps its order."""
    parts: tuple[list[int], list[int]] = ([], [])
    for place in places:
        parts[bucket(texts[place], f"third {seed}", 3) > 0].append(place)
    return parts


def first_of_each(texts: Sequence[str]) -> list[int]:
    """Places of the texts that do not stand before: queries that repeat are not drawn independently."""
    return list({" ".join(text.split()): place for place, text in reversed(list(enumerate(texts)))}.values())


def part_of(replayed: Replayed, places: Sequence[int]) -> Replayed:
    """A replay of some of its queries, in this order."""
    whole, at = replayed.replay, np.asarray(places, np.intp)
    part = replace(
        whole,
        texts=tuple(whole.texts[place] for place in places),
        sources=tuple(whole.sources[place] for place in places),
        quality=whole.quality[at],
        cost=whole.cost[at],
        single=whole.single[at],
        match=None if whole.match is None else whole.match[at],
    )
    return Replayed(
        part,
        tuple(replayed.queries[place] for place in places),
        replayed.left_out,
        tuple(replayed.recorded[place] for place in places) if replayed.recorded else (),
    )


def _decisions(
    policy: Policy, queries: Sequence[Query], recall: Recall, explain_all: bool = False
) -> Iterator[Decision]:
    router = Router(policy, predictor=recall, time_budget_s=None)
    return decide_all(router, queries, explain_all=explain_all)
