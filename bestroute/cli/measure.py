"""How fast is this installation on this machine? Medians and tails of whole calls, stage by stage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

import numpy as np

from bestroute.artefacts.manifest import default_folder, read_manifest
from bestroute.policy import Policy, Tier
from bestroute.policy.arms import Arm, Model, Price
from bestroute.policy.rules import Rule, When
from bestroute.query import Query
from bestroute.router import Router

STAGES = ("rules", "tokenize", "predict", "policy", "total")
_SENTENCE = "what is the sum of all even numbers below one hundred and why does it grow so fast"


def embedded_policy() -> Policy:
    """A policy over the embedded artefacts: every class at 1, 2 and 4 samples, and one rule."""
    manifest = read_manifest(default_folder("router"), "router")
    prices = np.geomspace(0.2, 10.0, len(manifest.classes))
    models = tuple(
        Model.model_validate({"name": name, "class": name, "price": Price(input=price / 4, output=price)})
        for name, price in zip(manifest.classes, prices.tolist(), strict=True)
    )
    cheaper = [name for name in manifest.classes if name != manifest.reference]
    tiers = [Tier(model=name, n=n) for name in cheaper for n in (1, 2, 4)]
    when = When.model_validate({"pattern": r"(?i)^(hi|hello|thanks)\b", "tokens": {"max": 12}})
    return Policy(
        version=1,
        models=models,
        reference=manifest.reference,
        max_gap=0.03,
        tiers=(*tiers, Tier(model=manifest.reference)),
        rules=(Rule(name="greetings", when=when, route=Arm(model=manifest.classes[0])),),
    )


def words(count: int) -> str:
    """A text of about `count` tokens."""
    sentence = _SENTENCE.split()
    return " ".join(sentence[index % len(sentence)] for index in range(count))


def measure(runs: int) -> dict[str, Any]:
    """Time the embedded models on one thread: what `bestroute bench` and benchmarks/latency.py print.

    `route_ms` is p50 and p99 of every stage, for a greeting that a rule takes and for rising lengths;
    `batch_queries_per_s` is of 256 queries of 16 and of 64 tokens; `pick_5x256_ms` of five responses. What
    takes longer is called less often: a batch once for 40 runs, a pick once for ten.
    """
    router = Router(embedded_policy(), time_budget_s=None)
    lengths = {f"{count} tokens": words(count) for count in (16, 64, 256)}
    queries = {"a rule decides": "Hi there", **lengths, "1 MB": words(250_000)[:1_000_000]}
    return {
        "route_ms": {name: measure_route(router, query, runs) for name, query in queries.items()},
        "batch_queries_per_s": {
            f"{count} tokens": measure_batch(router, [words(count)] * 256, max(1, runs // 40))
            for count in (16, 64)
        },
        "pick_5x256_ms": measure_pick(
            router, words(40), [words(240 + index) for index in range(5)], max(1, runs // 10)
        ),
    }


def measure_route(router: Router, query: str, runs: int) -> dict[str, dict[str, float]]:
    """p50 and p99 in milliseconds of every stage of `route` over `runs` calls, after a tenth as warm-up."""
    rows: list[list[float]] = []
    for index in range(runs + max(3, runs // 10)):
        started = perf_counter()
        spans = router.route(query).timings_ms
        total = (perf_counter() - started) * 1000
        if index >= max(3, runs // 10):
            known = [spans["rules"], spans["tokenize"], spans["predict"]]
            rows.append([*known, spans["total"] - sum(known), total])
    return {name: _percentiles(column) for name, column in zip(STAGES, zip(*rows, strict=True), strict=True)}


def measure_batch(router: Router, queries: Sequence[str], runs: int) -> dict[str, float]:
    """Queries per second of `route_batch`, median and the lowest and highest of the runs."""
    batch = [Query.of(query) for query in queries]
    rates = [len(batch) / seconds for seconds in _seconds(lambda: router.route_batch(batch), runs)]
    return {"median": float(np.median(rates)), "low": min(rates), "high": max(rates)}


def measure_pick(router: Router, query: str, responses: Sequence[str], runs: int) -> dict[str, float]:
    """p50 and p99 in milliseconds of rewarding the responses and keeping one."""
    return _percentiles([1000 * seconds for seconds in _seconds(lambda: router.pick(query, responses), runs)])


def _seconds(call: Callable[[], Any], runs: int) -> list[float]:
    call()
    taken = []
    for _ in range(runs):
        started = perf_counter()
        call()
        taken.append(perf_counter() - started)
    return taken


def _percentiles(values: Sequence[float]) -> dict[str, float]:
    middle, tail = np.percentile(values, [50, 99])
    return {"p50": float(middle), "p99": float(tail)}
