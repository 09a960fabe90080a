"""Scales: what the tiers of one policy offer for one query after another, in numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np

from bestroute.artefacts.manifest import Manifest
from bestroute.artefacts.predictor import best_of, columns_of
from bestroute.decision.against import Against
from bestroute.decision.candidate import Cause, Forecast, asks_only
from bestroute.decision.health import WELL, Health
from bestroute.decision.holding import Holding
from bestroute.decision.row import Row, no_better
from bestroute.decision.weighed import Weighed
from bestroute.policy import Policy
from bestroute.policy.arms import Arm, Model
from bestroute.policy.objective import AnyObjective, Offer
from bestroute.policy.rules import Rule
from bestroute.query import Query


class Circumstances(NamedTuple):
    """All that arms are weighed by for one query. `without`: why no forecast is to be trusted; `novel`:
    whether it is a guess; `bound`: only the model that holds the conversation may go on; `health`: None where
    nobody asked."""

    query: Query
    rule: Rule | None
    forecast: Forecast | None
    without: Cause | None
    novel: bool | None
    bound: bool
    health: Health | None
    reference_cost: float


class Scales:
    """Weighs the tiers of one policy for one query after another. Immutable, but for rows of arms that are
    looked up once."""

    def __init__(self, policy: Policy, manifest: Manifest) -> None:
        self._manifest = manifest
        self._models = {model.name: model for model in policy.models}
        columns = {name: index for index, name in enumerate(manifest.classes)}
        self._columns = {
            model.name: columns.get(model.column_in(manifest.adapted)) for model in policy.models
        }
        self._mean_tokens = [float(np.float32(tokens)) for tokens in manifest.mean_output_tokens]
        self._mean_of_all = float(np.array(manifest.mean_output_tokens, np.float32).mean())
        reference = policy.reference_model
        self._reference_column = self._columns[reference.name]
        self._matches = reference.column_in(manifest.adapted) == manifest.reference
        self._objective = policy.objective
        self._rows_by_parts: dict[tuple[tuple[str, int], ...], Row] = {}
        self.holding = Holding(policy)
        rows = [self._row(tier.arm, tier.objective) for tier in policy.tiers]
        self.rows = tuple(replace(row, no_better=no_better(row, rows)) for row in rows)
        self.reference = self.row(Arm(model=policy.reference))
        self.against = Against(policy, self.holding, self.rows[-1])

    def row(self, arm: Arm) -> Row:
        """An arm with all that does not depend on the query looked up."""
        known = self._rows_by_parts.get(arm.parts)
        if known is None:
            known = self._rows_by_parts[arm.parts] = self._row(arm)
        return known

    def _row(self, arm: Arm, objective: AnyObjective | None = None) -> Row:
        models = tuple((self._models[name], n) for name, n in arm.parts)
        columns = columns_of(
            ((model.column_in(self._manifest.adapted), n) for model, n in models), self._manifest
        )
        most = min(arm.n, self._manifest.max_n)
        return Row(arm, models, columns, objective, all(part.taught >= most for part in columns or ()))

    def objective(self, rule: Rule | None) -> AnyObjective:
        """The dial of a query that this rule matches: the rule's, else the policy's."""
        return (rule.objective if rule is not None else None) or self._objective

    def weighed(self, by: Circumstances) -> list[Weighed]:
        """Every tier for one query. A rule's dial goes before the tier's own, which goes before the
        policy's."""
        rules = by.rule.objective if by.rule is not None else None
        return [self._weigh(row, by, rules or row.objective or self._objective) for row in self.rows]

    def _weigh(self, row: Row, by: Circumstances, objective: AnyObjective) -> Weighed:
        quality, gap, match = self.predicted(row, by.forecast)
        cost = self.cost(row, by.query, by.forecast)
        offer = None if gap is None else Offer(gap, match, cost, by.reference_cost)
        objection = self.against.before_the_dial(
            row, by.query, by.rule, gap is not None, by.without, by.bound, by.health or WELL,
        )  # fmt: skip
        too_far: Literal["dial", "guess"] | None = None
        if objection is None and offer is not None and row is not self.rows[-1]:
            too_far = self._too_far(row, objective, offer, by)
        return Weighed(row, quality, cost, by.reference_cost, offer, objective, objection, too_far)

    def _too_far(
        self, row: Row, objective: AnyObjective, offer: Offer, by: Circumstances
    ) -> Literal["dial", "guess"] | None:
        """What the dial has against an arm. Of a guess one thing is sure: the reference loses nothing."""
        if by.rule is not None and by.rule.route is not None:
            return None
        if by.novel and not objective.allows_loss(offer) and not asks_only(row.arm, self.reference.arm.model):
            return "guess"
        return None if objective.within(offer) else "dial"

    def predicted(
        self, row: Row, forecast: Forecast | None
    ) -> tuple[float | None, float | None, float | None]:
        """Quality, gap and match probability of an arm; None where they cannot be had."""
        if forecast is None or row.columns is None:
            return None, None, None
        said = forecast.numbers
        quality = best_of(said.quality, row.columns, row.arm.n)
        if self._reference_column is None:
            return quality, None, None
        if row.arm.parts == self.reference.arm.parts:
            return quality, 0.0, 1.0
        gap = said.quality[self._reference_column][0] - quality
        return quality, gap, best_of(said.match, row.columns, row.arm.n) if self._matches else None

    def prior(self, name: str, forecast: Forecast | None) -> float | None:
        """Predicted quality of one response of a model; None where it cannot be had."""
        column = self._columns[name]
        return None if forecast is None or column is None else forecast.numbers.quality[column][0]

    def cost(self, row: Row, query: Query, forecast: Forecast | None) -> float:
        """Expected US$ of an arm."""
        total = 0.0
        for model, n in row.models:
            total += self._model_cost(model, n, query, forecast)
        return total

    def cost_of(self, name: str, n: int, query: Query, forecast: Forecast | None) -> float:
        """Expected US$ of n responses of a model."""
        return self._model_cost(self._models[name], n, query, forecast)

    def _model_cost(self, model: Model, n: int, query: Query, forecast: Forecast | None) -> float:
        """Expected US$, from the predicted output tokens of the class or their mean, at most max_tokens, and
        the model's thinking."""
        column = self._columns[model.name]
        if forecast is None:
            expected = self._mean_of_all if column is None else self._mean_tokens[column]
        elif column is None:
            expected = float(forecast.output_tokens.mean())
        else:
            expected = forecast.numbers.output_tokens[column]
        written = model.written(expected, self.against.longest(query), self._manifest.adapted)
        return model.cost(n, query.input_tokens, written, self.holding.cached(model, query))
