"""The cost of thinking: what bestroute itself spends on one completed query, on one core of this machine.

    python benchmarks/thinking.py --runs 100
    python benchmarks/thinking.py --runs 100 --local     # while examples/local_model.py serves

Pins itself to one core and times whole `Router.complete` calls on the embedded models, stage by stage, with a
sampler that answers at once with recorded texts of about 128 tokens. So only our own time is measured: two
responses, four, and a plan that is gone through to its end (two of the small class, two of the medium one,
one of the reference). With --local the time that the real local model takes to sample as much for the same
query, at most 128 tokens a response, stands beside it. A Markdown table, or with --json one document.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from collections import defaultdict
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np

from bestroute.answering.agreement import group
from bestroute.answering.sampling import EndpointSampler, Sample, Sampled
from bestroute.artefacts.manifest import default_folder
from bestroute.artefacts.reward import OnnxRewardModel
from bestroute.cli.measure import embedded_policy
from bestroute.policy import Policy, Sampling, Tier
from bestroute.policy.arms import Endpoint, Model
from bestroute.query import Query
from bestroute.router import Router

STAGES = ("tokenize", "predict", "plan", "reward", "group", "judge", "replan", "rest", "total")
LENGTHS = (16, 64, 256)
LOCAL = "http://127.0.0.1:8089/v1"
SAMPLED = 3  # how often the local model is asked for the same: it takes seconds
STEP_BY_STEP = (
    "To find the total we go through the boxes one after another. Each box holds {a} pens, and there are {b} "
    "boxes on the shelf, so the shelf holds {a} times {b} pens. In the morning {c} of them are sold, and in "
    "the afternoon the shop gets a delivery of {b} more, which are put on the same shelf. We multiply first, "
    "then we take away what was sold, and at last we add what was delivered. Checking it in another order: "
    "what was delivered less what was sold, added to the product, gives the same. The answer is {d}."
)


def question(tokens: int) -> str:
    """A plain question of about so many tokens, for which no class is hopeless."""
    return (
        "Tom has 3 apples. "
        + "Then he buys 4 more apples. " * ((tokens - 13) // 7)
        + "How many apples has he got?"
    )


class Clock:
    """Milliseconds by stage of the call that is under way."""

    def __init__(self) -> None:
        self.spans: dict[str, float] = defaultdict(float)

    def timed(self, stage: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, its time added to a stage."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            started = perf_counter()
            try:
                return call(*args, **kwargs)
            finally:
                self.spans[stage] += (perf_counter() - started) * 1000

        return timed


class Recorded:
    """A sampler that answers at once: the same answer each time, or another one each time."""

    def __init__(self, agree: bool) -> None:
        self._agree = agree
        self.asked = 0

    async def sample(self, model: Model, query: Query, n: int, settings: Sampling) -> Sampled:
        """As Sampler says."""
        numbers = range(self.asked, self.asked + n)
        self.asked += n
        texts = [
            STEP_BY_STEP.format(a=12 + i, b=7 + i, c=5 + i, d=86 if self._agree else 86 + i) for i in numbers
        ]
        return Sampled(tuple(Sample(text, "stop") for text in texts))


class TimedRouter(Router):
    """A router that tells a clock how long each stage of `complete` takes."""

    def __init__(self, policy: Policy, reward: OnnxRewardModel, sampler: Recorded) -> None:
        super().__init__(policy, reward=reward, sampler=sampler, time_budget_s=None)
        self.clock = Clock()
        self._rewards_of = self.clock.timed("reward", self._rewards_of)

    def course(self, asked: Any, group_by: Any = None) -> Any:
        """As Router says, timed."""
        spans = asked.decision.timings_ms
        self.clock.spans |= {
            "tokenize": spans["tokenize"],
            "predict": spans["predict"],
            "plan": spans["total"] - spans["tokenize"] - spans["predict"],
        }
        course = super().course(asked, self.clock.timed("group", lambda texts: group(texts).of))
        course.next = self.clock.timed("replan", course.next)
        course.add = self.clock.timed("judge", course.add)
        return course


def policy_of(max_gap: float, *tiers: tuple[str, int]) -> Policy:
    """The embedded classes, these tiers and the reference, at prices for which every tier is worth trying."""
    policy = embedded_policy()
    price = {"small": 0.01, "medium": 20.0, "large": 100.0}
    models = tuple(
        Model.model_validate(
            {"name": name, "class": name, "price": {"input": price[name], "output": price[name]}}
        )
        for name in price
    )
    parts: dict[str, Any] = {
        "models": models,
        "max_gap": max_gap,
        "tiers": (*(Tier(model=name, n=n) for name, n in tiers), Tier(model=policy.reference)),
        "rules": (),
        "abstain": False,
        "sampling": Sampling(escalate=True),
    }
    return policy.model_copy(update=parts)


# What is asked for: responses by step, the policy that has just that, and whether the responses agree.
PLANS: dict[str, tuple[tuple[int, ...], Policy, bool]] = {
    "2": ((2,), policy_of(1.0, ("small", 2)), True),
    "4": ((4,), policy_of(1.0, ("small", 4)), True),
    "2 + 2 + 1": ((2, 2, 1), policy_of(0.15, ("small", 2), ("medium", 2)), False),
}


def measure(name: str, tokens: int, runs: int, reward: OnnxRewardModel) -> dict[str, dict[str, float]]:
    """p50 and p99 in milliseconds of every stage of completing a query of so many tokens."""
    steps, policy, agree = PLANS[name]
    sampler, query = Recorded(agree), question(tokens)
    router = TimedRouter(policy, reward, sampler)
    rows = []
    for index in range(runs + 3):  # three to warm up
        router.clock.spans.clear()
        sampler.asked = 0
        started = perf_counter()
        answer = router.complete(query)
        total = (perf_counter() - started) * 1000
        took = tuple(step.responses for step in answer.steps)
        if took != steps:
            raise SystemExit(f"{name} responses, {tokens} tokens: the plan went {took}, not {steps}")
        spans = dict(router.clock.spans)
        spans["judge"] -= spans["group"]  # the course groups what it judges
        spans |= {"rest": total - sum(spans.values()), "total": total}
        if index >= 3:
            rows.append([spans[stage] for stage in STAGES])
    middle, tail = np.percentile(rows, [50, 99], axis=0)
    return {
        stage: {"p50": float(p50), "p99": float(p99)}
        for stage, p50, p99 in zip(STAGES, middle, tail, strict=True)
    }


def sampling_ms(name: str, tokens: int, base_url: str) -> float:
    """Median milliseconds in which the local model gives as many responses, one step after another."""
    endpoint = Endpoint.model_validate({"base_url": base_url, "samples": "native", "timeout_s": 600})
    model = PLANS[name][1].models[0].model_copy(update={"endpoint": endpoint})
    query, settings = Query.of(question(tokens)), Sampling(max_tokens=128)

    async def steps() -> None:
        sampler = EndpointSampler()
        for n in PLANS[name][0]:
            reply = await sampler.sample(model, query, n, settings)
            if len(reply.samples) < n:
                raise SystemExit(f"{base_url} gave {len(reply.samples)} of {n} responses: {reply.errors}")

    taken = []
    for _ in range(SAMPLED):
        started = perf_counter()
        asyncio.run(steps())
        taken.append((perf_counter() - started) * 1000)
    return float(np.median(taken))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument(
        "--local", metavar="URL", nargs="?", const=LOCAL, help=f"also time the local model; default {LOCAL}"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    reward = OnnxRewardModel(default_folder("reward"))
    rows = []
    for tokens in LENGTHS:
        for name in PLANS:
            row = {"tokens": tokens, "responses": name, "ms": measure(name, tokens, options.runs, reward)}
            row["sampling_ms"] = sampling_ms(name, tokens, options.local) if options.local else None
            rows.append(row)
    if options.json:
        print(json.dumps({"runs": options.runs, "rows": rows}, indent=2))
        return
    print_table(rows, options.runs)


def print_table(rows: list[dict[str, Any]], runs: int) -> None:
    """Medians of every stage, the tail of the whole, and the local model's sampling where it was timed."""
    sampled = rows[0]["sampling_ms"] is not None
    head = [f"query, responses; ms, p50 of {runs} calls", *STAGES, "total p99"] + ["sampling"] * sampled
    print("| " + " | ".join(head) + " |")
    print("|---|" + "---:|" * (len(head) - 1))
    for row in rows:
        cells = [f"{row['ms'][stage]['p50']:.2f}" for stage in STAGES]
        cells.append(f"{row['ms']['total']['p99']:.2f}")
        if sampled:
            cells.append(f"{row['sampling_ms']:.0f}")
        print(f"| {row['tokens']} tokens, {row['responses']} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
