"""Chooser: rules, then the router model, then a plan. The way of a query up to its decision, timed."""

from __future__ import annotations

from collections.abc import Iterable
from time import perf_counter

from bestroute.decision.candidate import Cause, Forecast
from bestroute.decision.forecasting import Forecaster
from bestroute.decision.health import Health
from bestroute.decision.order import Asked
from bestroute.decision.planner import Planner
from bestroute.query import Query


class Chooser:
    """Decides one query after another, each within `budget_s` seconds of the router model's time (None: any).
    Safe to share between threads."""

    def __init__(self, planner: Planner, forecaster: Forecaster, budget_s: float | None) -> None:
        self._planner, self._forecaster, self._budget_s = planner, forecaster, budget_s
        self._decider = planner.decider

    def one(self, query: Query, explain_all: bool = False, health: Health | None = None) -> Asked:
        """One query, decided within the time budget, with what the decision rests on."""
        start = perf_counter()
        rule = self._decider.rule_for(query)
        ruled = tokenized = predicted = perf_counter()
        forecast: Forecast | None = None
        without: Cause | None = None
        if rule is None or rule.route is None or explain_all:
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

    def many(self, queries: Iterable[Query], explain_all: bool = False) -> list[Asked]:
        """Many queries at once, in order, as one by one but without a time budget."""
        start = perf_counter()
        asked = list(queries)
        rules = [self._decider.rule_for(query) for query in asked]
        ruled = perf_counter()
        open_ = [
            index
            for index, (query, rule) in enumerate(zip(asked, rules, strict=True))
            if query.text.strip() and (explain_all or rule is None or rule.route is None)
        ]
        forecasts, tokenized = self._forecaster.of([asked[index] for index in open_], None)
        predicted = perf_counter()
        known = dict(zip(open_, forecasts, strict=True))
        share: dict[str, float] = {}
        found = [
            Asked(
                query,
                rule,
                known.get(index),
                self._planner.decide(query, rule, known.get(index), _without(index, known), timings_ms=share),
            )
            for index, (query, rule) in enumerate(zip(asked, rules, strict=True))
        ]
        share |= _timings((start, ruled, tokenized, predicted, perf_counter()), max(1, len(asked)))
        return found


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
