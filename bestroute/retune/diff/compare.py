"""Two routers on the same stream of queries, a batch in memory at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from bestroute.artefacts.adapter import standing_on
from bestroute.artefacts.manifest import Manifest
from bestroute.artefacts.predictor import OnnxPredictor, Predictor
from bestroute.decision import Decision
from bestroute.policy import Policy
from bestroute.query import Query
from bestroute.retune.diff.shared import SharedPredictor
from bestroute.retune.dry_run import BATCH, batches
from bestroute.router import Router


@dataclass(frozen=True, slots=True)
class Pair:
    """One query with the decisions of both policies."""

    query: Query
    old: Decision
    new: Decision

    @property
    def moved(self) -> bool:
        """Whether another arm is asked (first)."""
        return self.old.models != self.new.models

    @property
    def replanned(self) -> bool:
        """Whether the same arm is asked first, and other arms may be asked after it."""
        return not self.moved and [one.arm for one in self.old.plan] != [one.arm for one in self.new.plan]

    @property
    def cost_change(self) -> float:
        """US$ that the query costs more."""
        return self.new.expected_cost - self.old.expected_cost

    @property
    def qualities(self) -> tuple[float, float] | None:
        """Predicted quality of the kept response, 0 to 1, over the whole plan, old and new.

        None where either side has no prediction, so that means over queries are over the same queries."""
        old, new = _quality(self.old), _quality(self.new)
        return None if old is None or new is None else (old, new)

    @property
    def quality_change(self) -> float | None:
        """Quality points that the query gains; None where either side has no prediction."""
        both = self.qualities
        return None if both is None else both[1] - both[0]


class Sides:
    """The routers of two policies.

    Policies with the same router model share it: each query is predicted once. `predictors`: the router
    models, in place of the policies' own. Raises ArtefactError for one that cannot be opened.
    """

    def __init__(
        self,
        old: Policy,
        new: Policy,
        *,
        threads: int = 1,
        predictors: tuple[Predictor, Predictor] | None = None,
    ) -> None:
        first = SharedPredictor(predictors[0] if predictors else OnnxPredictor(old.router, threads))
        second = first
        if predictors:
            if predictors[1] is not predictors[0]:
                second = SharedPredictor(predictors[1])
        elif new.router != old.router:
            other = OnnxPredictor(new.router, threads)
            second = first if _same(first.manifest, other.manifest) else SharedPredictor(other)
        self._predictors = (first, second)
        self.old, self.new = (
            Router(
                policy,
                predictor=shared
                if predictors
                else standing_on(shared, policy.router, policy.adapter, policy.columns),
                time_budget_s=None,
            )
            for policy, shared in ((old, first), (new, second))
        )

    def compare(self, queries: Iterable[Query], batch: int = BATCH) -> Iterator[Pair]:
        """A pair of decisions for each query, in order.

        A query that a rule routes is predicted too, unless rules route it to the same arm on both sides: what
        moves has its risk, and lengths of responses that are predicted on one side only would look like a
        change of cost.
        """
        for chunk in batches(queries, batch):
            pairs = [*map(Pair, chunk, self.old.route_batch(chunk), self.new.route_batch(chunk))]
            open_ = [place for place, pair in enumerate(pairs) if _half_told(pair)]
            asked = [chunk[place] for place in open_]
            told = (router.route_batch(asked, explain_all=True) for router in (self.old, self.new))
            for place, old, new in zip(open_, *told, strict=True):
                pairs[place] = Pair(chunk[place], old, new)
            yield from pairs
            for predictor in self._predictors:
                predictor.forget()


def _half_told(pair: Pair) -> bool:
    """Whether nothing was predicted on one side only, or on neither though it moves: a rule routes it."""
    told = [decision.candidates[-1].quality is not None for decision in (pair.old, pair.new)]
    return not all(told) and (any(told) or pair.moved)


def _quality(decision: Decision) -> float | None:
    """What the reference is predicted to reach, less what the kept response is expected to lose."""
    last = decision.candidates[-1]
    if last.quality is None or last.gap is None or decision.expected_gap is None:
        return None
    return last.quality + last.gap - decision.expected_gap


def _same(one: Manifest, other: Manifest) -> bool:
    """Whether two folders hold the same router model: the same files, read alike."""
    return replace(one, recipe={}, metrics={}) == replace(other, recipe={}, metrics={})
