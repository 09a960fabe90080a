"""Chooser: rules, then the router model, then a plan. The way of a query up to its decision, timed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import perf_counter

from bestroute.decision.candidate import Cause, Forecast
from bestroute.decision.forecasting import Forecaster
from bestroute.decision.health import Health
from bestroute.decision.order import Asked
from bestroute.decision.planner import Planner
from bestroute.errors import InputError
from bestroute.policy.rules import Rule
from bestroute.query import Query


class Chooser:
    """Decides one query after another, each within `budget_s` seconds of the router model's time (None: any).
    Safe to share between threads. Raises InputError for a budget that is no time."""

    def __init__(self, planner: Planner, forecaster: Forecaster, budget_s: float | None) -> None:
        if budget_s is not None and not (isinstance(budget_s, (int, float)) and budget_s > 0):
            raise InputError(f"time_budget_s is {budget_s!r}; give seconds above 0, or None")
        self._planner, self._forecaster, self._budget_s = planner, forecaster, budget_s
        self._decider = planner.decider
        self.routes = any(_routes(rule) for rule in planner.decider.policy.rules)
        """Whether there is a rule that routes."""

    def one(self, query: Query, explain_all: bool = False, health: Health | None = None) -> Asked:
        """One query, decided within the time budget, with what the decision rests on."""
        start = perf_counter()
        rule = self._decider.rule_for(query)
        ruled = tokenized = predicted = perf_counter()
        forecast: Forecast | None = None
        without: Cause | None = None
        if explain_all or not _routes(rule):
            if query.text.strip():
                (forecast,), tokenized = self._forecaster.of([query], self._budget_s)
                without = "fallback" if forecast is None else None
                predicted = perf_counter()
            else:
                without = "abstain"
        timings: dict[str, float] = {}
        decision = self._planner.decide(query, rule, forecast, without, health, timings)
        timings |= _timings((start, ruled, tokenized, predicted, perf_counter()), 1)
        return Asked(query, rule, forecast, decision)

    def ruled(self, query: Query, health: Health | None = None) -> Asked | None:
        """One query that a rule routes, decided; None for one that no rule does."""
        return self.one(query, health=health) if _routes(self._decider.rule_for(query)) else None

    def many(self, queries: Iterable[Query], explain_all: bool = False) -> list[Asked]:
        """Many queries at once, in order, as one by one but without a time budget."""
        return [_given(one) for one in self._each([(query, None) for query in queries], explain_all, None)]

    def together(self, queries: Sequence[tuple[Query, Health | None]]) -> list[Asked | Exception]:
        """Queries of several requests at once, in order, all within the time budget of one. What deciding one
        raises stands in its place, and concerns no other."""
        return self._each(queries, False, self._budget_s)

    def _each(
        self, asked: Sequence[tuple[Query, Health | None]], explain_all: bool, budget_s: float | None
    ) -> list[Asked | Exception]:
        start = perf_counter()
        rules = [self._decider.rule_for(query) for query, _ in asked]
        ruled = perf_counter()
        open_ = [
            index
            for index, ((query, _), rule) in enumerate(zip(asked, rules, strict=True))
            if (explain_all or not _routes(rule)) and query.text.strip()
        ]
        forecasts, tokenized = self._forecaster.of([asked[index][0] for index in open_], budget_s)
        predicted = perf_counter()
        known = dict(zip(open_, forecasts, strict=True))
        share: dict[str, float] = {}
        found: list[Asked | Exception] = []
        for index, ((query, health), rule) in enumerate(zip(asked, rules, strict=True)):
            forecast, without = known.get(index), _without(index, known)
            try:
                decision = self._planner.decide(query, rule, forecast, without, health, share)
            except Exception as error:  # such as InputError, where no model can take the request
                found.append(error)
            else:
                found.append(Asked(query, rule, forecast, decision))
        share |= _timings((start, ruled, tokenized, predicted, perf_counter()), max(1, len(asked)))
        return found


def _routes(rule: Rule | None) -> bool:
    return rule is not None and rule.route is not None


def _given(one: Asked | Exception) -> Asked:
    if isinstance(one, Exception):
        raise one
    return one


def _without(index: int, known: dict[int, Forecast | None]) -> Cause | None:
    """Why a query of a batch has no forecast: the model failed on it, or had nothing to read."""
    if index not in known:
        return "abstain"
    return "fallback" if known[index] is None else None


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
