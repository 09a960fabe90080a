"""Entries to Prometheus. Labels come from policies and keys alone, so that callers cannot make any.

Several workers keep their counts in files of one folder, named by PROMETHEUS_MULTIPROC_DIR, and whichever is
asked tells the sum of all.
"""

from __future__ import annotations

import os
from collections import defaultdict

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    multiprocess,
)

from bestroute.serve.entry import Entry
from bestroute.serve.settings import METRICS_FOLDER

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_CHAT = "/v1/chat/completions"
_ANSWERED = (_CHAT, "/v1/messages")
_SUMMED = {
    "bestroute_requests_total": "requests",
    "bestroute_cost_dollars_total": "cost",
    "bestroute_reference_cost_dollars_total": "reference_cost",
}
_DECISION_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1)


class Metrics:
    """What the gateway counts."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "bestroute_requests",
            "Requests, by what became of them.",
            ["path", "policy", "model", "cause", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "bestroute_request_seconds",
            "From a request's head to the end of its response.",
            ["path", "stream"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._first = Histogram(
            "bestroute_first_chunk_seconds",
            "From a request's head to the first chunk of a streamed answer.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._decisions = Histogram(
            "bestroute_decision_seconds",
            "What decisions took.",
            buckets=_DECISION_S,
            registry=self._registry,
        )
        self._cost = Counter(
            "bestroute_cost_dollars", "US$ spent.", ["policy", "model"], registry=self._registry
        )
        self._reference = Counter(
            "bestroute_reference_cost_dollars",
            "US$ that the reference would have cost.",
            ["policy"],
            registry=self._registry,
        )
        self._keys = Counter(
            "bestroute_key_requests",
            "Requests of each key, by what became of them.",
            ["key", "status"],
            registry=self._registry,
        )
        self._key_cost = Counter(
            "bestroute_key_cost_dollars", "US$ spent for each key.", ["key"], registry=self._registry
        )
        self._shadows = Counter(
            "bestroute_shadow_requests",
            "Models asked beside, in the background, by what became of it.",
            ["policy", "outcome"],
            registry=self._registry,
        )
        self._shadow_cost = Counter(
            "bestroute_shadow_cost_dollars",
            "US$ spent on asking beside.",
            ["policy"],
            registry=self._registry,
        )
        self._dropped = Counter(
            "bestroute_log_dropped", "Entries that the decision log lost.", registry=self._registry
        )

    def add(self, entry: Entry) -> None:
        """Count a request that is over."""
        decision = entry.decision
        cause = "" if decision is None else decision.cause
        policy = entry.served_by
        self._requests.labels(entry.path, policy, entry.model, cause, str(entry.status)).inc()
        self._seconds.labels(entry.path, str(entry.stream).lower()).observe(entry.seconds)
        if entry.first_s is not None:
            self._first.observe(entry.first_s)
        if decision is not None and "total" in decision.timings_ms:
            self._decisions.observe(decision.timings_ms["total"] / 1e3)
        if entry.usage is not None:
            self._cost.labels(policy, entry.model).inc(entry.cost or 0.0)
            self._reference.labels(policy).inc(entry.reference_cost or 0.0)
        if entry.caller.key is not None:
            self._keys.labels(entry.caller.name, str(entry.status)).inc()
            self._key_cost.labels(entry.caller.name).inc(entry.bill or 0.0)

    def drop(self, entries: int) -> None:
        """Count what the log lost."""
        self._dropped.inc(entries)

    def shadow(self, policy: str, outcome: str, cost: float = 0.0) -> None:
        """Count what became of asking a model beside, and what it cost."""
        self._shadows.labels(policy, outcome).inc()
        self._shadow_cost.labels(policy).inc(cost)

    def totals(self) -> dict[str, float | None]:
        """What requests for answers came to since the start: how many, errors, US$; None: not known."""
        sums: defaultdict[str, float] = defaultdict(float)
        for family in self._summed().collect():
            for sample in family.samples:
                if sample.labels.get("path", _CHAT) in _ANSWERED and sample.name in _SUMMED:
                    sums[_SUMMED[sample.name]] += sample.value
                    if int(sample.labels.get("status", 0)) >= 400:
                        sums["errors"] += sample.value
        cost, reference = sums["cost"], sums["reference_cost"]
        return {
            "requests": sums["requests"],
            "errors": sums["errors"],
            "cost": cost,
            "reference_cost": reference,
            "saving": 1 - cost / reference if reference else None,
        }

    def exposition(self) -> bytes:
        """All counts, as Prometheus reads them."""
        return generate_latest(self._summed())

    def _summed(self) -> CollectorRegistry:
        """The counts of all workers."""
        if METRICS_FOLDER not in os.environ:
            return self._registry
        summed = CollectorRegistry()
        multiprocess.MultiProcessCollector(summed)  # type: ignore[no-untyped-call]
        return summed
