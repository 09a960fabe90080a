"""Forecasting: what the router model says of queries, within a time budget, and that it never fails one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from time import perf_counter

from bestroute.artefacts.predictor import Predictor
from bestroute.decision.candidate import Forecast
from bestroute.errors import PredictorOverrun
from bestroute.query import Query

_LOG = logging.getLogger("bestroute.router")


class Forecaster:
    """Asks one router model. Safe to share between threads; `failures` counts the queries that it failed."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self.failures = 0
        self._lock = threading.Lock()

    def of(self, queries: Sequence[Query], budget_s: float | None) -> tuple[list[Forecast | None], float]:
        """A forecast for each query, None where the router model failed or took longer than `budget_s`
        seconds for all of them, and when the tokens were ready."""
        started = tokenized = perf_counter()
        if not queries:
            return [], started
        try:
            rows = self.predictor.tokenize([query.text for query in queries])
            tokenized = perf_counter()
            prediction = self.predictor.predict(rows, budget_s)
            if budget_s is not None and perf_counter() - started > budget_s:
                raise PredictorOverrun("the answer came after the time budget had passed")
            return [Forecast.of(prediction, row) for row in range(len(queries))], tokenized
        except Exception as error:  # whatever the router model raises, the request must be answered
            if len(queries) > 1 and not isinstance(error, PredictorOverrun):
                # one bad query must not decide for its batch
                return [self.of([query], budget_s)[0][0] for query in queries], tokenized
            _LOG.warning("the router model failed, the reference answers: %r", error)
            with self._lock:
                self.failures += len(queries)
            return [None] * len(queries), tokenized
