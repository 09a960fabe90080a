"""Dry run: route a stream of queries without asking any model, and add up what it would come to."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from bestroute.decision import BY_FORECAST, ONLY_A_GUESS, Decision
from bestroute.query import Query
from bestroute.router import Router

BATCH = 256


def batches(queries: Iterable[Query], batch: int = BATCH) -> Iterator[list[Query]]:
    """The queries in lists of at most `batch`, each read when it is asked for."""
    rest = iter(queries)
    while chunk := list(islice(rest, batch)):
        yield chunk


def decide_all(
    router: Router, queries: Iterable[Query], batch: int = BATCH, explain_all: bool = False
) -> Iterator[Decision]:
    """Decisions in order, a batch of queries in memory at a time; `explain_all` as in `Router.route`."""
    for chunk in batches(queries, batch):
        yield from router.route_batch(chunk, explain_all=explain_all)


class Reservoir:
    """A uniform random sample of at most `most` queries of a stream, the same for the same stream and seed.

    `seen` counts the queries that passed; memory does not grow with them.
    """

    def __init__(self, most: int, seed: int = 0) -> None:
        self.kept: list[Query] = []
        self.seen = 0
        self._most, self._random = most, random.Random(seed)

    def passing(self, queries: Iterable[Query]) -> Iterator[Query]:
        """The same queries; each may be kept as it passes."""
        for query in queries:
            self._add(query)
            yield query

    def _add(self, query: Query) -> None:
        """Keep the i-th query with probability most / i, in the place of any one (Vitter's algorithm R)."""
        self.seen += 1
        if len(self.kept) < self._most:
            self.kept.append(query)
        elif (place := self._random.randrange(self.seen)) < self._most:
            self.kept[place] = query


@dataclass
class Tally:
    """Running sums over decisions. Costs are US$, gaps quality points; memory does not grow with queries."""

    queries: int = 0
    expected_cost: float = 0.0
    reference_cost: float = 0.0
    calls: float = 0.0
    gap: float = 0.0
    with_gap: int = 0
    unlike: int = 0
    guessed: int = 0
    held_back: int = 0
    unsure: int = 0
    arms: Counter[str] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)
    arm_costs: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    causes: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)

    def add(self, decision: Decision) -> None:
        """Count one decision."""
        label = decision.arm.label
        self.queries += 1
        self.expected_cost += decision.expected_cost
        self.reference_cost += decision.reference_cost
        self.calls += decision.expected_calls
        self.arms[label] += 1
        self.models[decision.model] += 1
        self.arm_costs[label] += decision.expected_cost
        self.causes[decision.cause] += 1
        self._add_novelty(decision)
        if decision.rule is not None:
            self.rules[decision.rule] += 1
        if decision.expected_gap is not None:
            self.gap += decision.expected_gap
            self.with_gap += 1

    def _add_novelty(self, decision: Decision) -> None:
        by_forecast = decision.cause in BY_FORECAST
        self.unlike += bool(decision.novel) and decision.cause == "abstain"
        self.guessed += bool(decision.novel) and by_forecast
        self.held_back += any(one.why_not == ONLY_A_GUESS for one in decision.candidates)
        self.unsure += decision.novel is None and by_forecast

    def summary(self) -> dict[str, Any]:
        """As JSON values: shares, US$ per 1,000 queries, saving against always asking the reference.

        `arms` are those that are asked first. `calls`: mean sequential rounds of asking. `saving` and
        `mean_gap` are null where nothing is known; `mean_gap`, what is predicted to be lost by what is kept,
        is over the `with_gap` queries of which that can be told. Of those unlike the router model's training
        queries `unlike` are not left to the dial for it, and `guessed` are; of these `held_back` go to the
        reference, since their dial lets nothing be lost. Of `unsure` ones it cannot tell.
        """
        per_thousand = 1000 / max(1, self.queries)
        arms = {
            label: {
                "queries": count,
                "share": count / self.queries,
                "cost_per_1000": self.arm_costs[label] * per_thousand,
            }
            for label, count in self.arms.most_common()
        }
        return {
            "queries": self.queries,
            "arms": arms,
            "causes": dict(self.causes.most_common()),
            "rules": dict(self.rules.most_common()),
            "cost_per_1000": self.expected_cost * per_thousand,
            "reference_cost_per_1000": self.reference_cost * per_thousand,
            "saving": 1 - self.expected_cost / self.reference_cost if self.reference_cost else None,
            "calls": self.calls / self.queries if self.queries else None,
            "mean_gap": self.gap / self.with_gap if self.with_gap else None,
            "with_gap": self.with_gap,
            "unlike": self.unlike,
            "guessed": self.guessed,
            "held_back": self.held_back,
            "unsure": self.unsure,
        }
