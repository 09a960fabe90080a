"""Two routers on the same stream of queries, a batch in memory at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from bestroute.arms import Arm
from bestroute.artefact import Manifest
from bestroute.decision import Decider, Decision, Forecast
from bestroute.diff.shared import SharedPredictor
from bestroute.dry_run import BATCH, batches
from bestroute.planner import Asked
from bestroute.policy import Policy
from bestroute.predictor import OnnxPredictor, Predictor
from bestroute.query import Query
from bestroute.router import Router


@dataclass(frozen=True, slots=True)
class Pair:
    """One query with the decisions of both policies.

    The qualities are what is predicted of the responses that are kept, 0 to 1, over the whole plan; None
    where either side has no prediction, so that the means over queries are means over the same queries.
    """

    query: Query
    old: Decision
    new: Decision
    old_quality: float | None
    new_quality: float | None

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
    def quality_change(self) -> float | None:
        """Quality points that the query gains; None where either side has no prediction."""
        if self.old_quality is None or self.new_quality is None:
            return None
        return self.new_quality - self.old_quality


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
        self.shared = first is second
        self._predictors = (first, second)
        self.old, self.new = (
            Router(policy, predictor=predictor, time_budget_s=None)
            for policy, predictor in ((old, first), (new, second))
        )
        self._deciders = Decider(old, first.manifest), Decider(new, second.manifest)

    def compare(self, queries: Iterable[Query], batch: int = BATCH) -> Iterator[Pair]:
        """A pair of decisions for each query, in order."""
        for chunk in batches(queries, batch):
            for old, new in zip(self.old.consider(chunk), self.new.consider(chunk), strict=True):
                yield self._pair(old, new)
            for predictor in self._predictors:
                predictor.forget()

    def _pair(self, old: Asked, new: Asked) -> Pair:
        """Where a rule decides on one side only, what the shared router model said to the other counts."""
        before, after = old.forecast, new.forecast
        if self.shared:
            before, after = before or after, after or before
        qualities = [
            None if forecast is None else _quality(asked.decision, decider, forecast)
            for decider, asked, forecast in zip(self._deciders, (old, new), (before, after), strict=True)
        ]
        if None in qualities:
            qualities = [None, None]
        return Pair(old.query, old.decision, new.decision, *qualities)


def _quality(decision: Decision, decider: Decider, forecast: Forecast) -> float | None:
    """Of a plan's kept response; an arm that is asked alone has a prediction also where a rule chose it."""
    if len(decision.plan) == 1:
        return decider.quality(decision.arm, forecast)
    reference = decider.quality(Arm(model=decider.policy.reference), forecast)
    return None if reference is None or decision.expected_gap is None else reference - decision.expected_gap


def _same(one: Manifest, other: Manifest) -> bool:
    """Whether two folders hold the same router model: the same files, read alike."""
    return replace(one, recipe={}, metrics={}) == replace(other, recipe={}, metrics={})
