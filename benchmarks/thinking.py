"""The cost of thinking: what bestroute itself spends on one completed query, on one core of this machine.

    python benchmarks/thinking.py --runs 100
    python benchmarks/thinking.py --runs 100 --local     # while examples/local_model.py serves

Pins itself to one core and times whole `Router.complete` calls on the embedded models, stage by stage and in
CPU time (`cpu`, of all threads), with a
sampler that answers at once with recorded texts of about 128 tokens. So only our own time is measured, over
one to four rounds of asking: two responses that agree, and plans through responses that do not. Which tiers a
plan asks is the models' own doing: of a row of dials the first with so many rounds is timed, the row says
what it asked, and one that no dial brings about is left out. With --local the time that the real local model
takes to sample as much for the same query, at most 128 tokens a response, stands beside it. A Markdown table,
or with --json one document.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter, process_time
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

STAGES = ("tokenize", "predict", "plan", "reward", "group", "judge", "replan", "rest", "total", "cpu")
LENGTHS = (16, 64, 256)
ROUNDS = (1, 2, 3, 4)
LOOSE = 0.5
DIALS = [round(-0.06 + 0.02 * step, 2) for step in range(15)]
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
        means = self._means
        means.rewards_of = self.clock.timed("reward", means.rewards_of)

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


def policy_at(max_gap: float) -> Policy:
    """The embedded classes, two tiers of each cheap one, at prices for which all are worth trying."""
    policy = embedded_policy()
    price = {"small": 0.01, "medium": 20.0, "large": 100.0}
    models = tuple(
        Model.model_validate(
            {"name": name, "class": name, "price": {"input": price[name], "output": price[name]}}
        )
        for name in price
    )
    tiers = [Tier(model=name, n=n) for name in ("small", "medium") for n in (2, 4)]
    parts: dict[str, Any] = {
        "models": models,
        "max_gap": max_gap,
        "tiers": (*tiers, Tier(model=policy.reference)),
        "rules": (),
        "abstain": False,
        "sampling": Sampling(escalate=True),
    }
    return policy.model_copy(update=parts)


@dataclass(frozen=True)
class Plan:
    """A plan that comes about: the dial, whether the responses agree, and responses by arm that it asks."""

    max_gap: float
    agree: bool
    steps: tuple[tuple[str, int], ...]

    @property
    def label(self) -> str:
        """As the table writes it: `small@4 (4), medium@2 (2), large@1 (1)`."""
        return ", ".join(f"{arm} ({responses})" for arm, responses in self.steps)


def plans_of(tokens: int, reward: OnnxRewardModel) -> Iterator[Plan]:
    """The first plan of each number of rounds, from one to four, that some dial brings about."""
    rounds: dict[int, Plan] = {}
    for agree, max_gap in [(True, LOOSE), *((False, dial) for dial in DIALS)]:
        sampler = Recorded(agree)
        router = TimedRouter(policy_at(max_gap), reward, sampler)
        steps = tuple((step.arm, step.responses) for step in router.complete(question(tokens)).steps)
        rounds.setdefault(len(steps), Plan(max_gap, agree, steps))
    for count in ROUNDS:
        if count in rounds:
            yield rounds[count]
        else:
            print(f"{tokens} tokens: no dial brings {count} rounds about", file=sys.stderr)


def measure(plan: Plan, tokens: int, runs: int, reward: OnnxRewardModel) -> dict[str, dict[str, float]]:
    """p50 and p99 in milliseconds of every stage of completing a query of so many tokens."""
    sampler, query = Recorded(plan.agree), question(tokens)
    router = TimedRouter(policy_at(plan.max_gap), reward, sampler)
    rows = []
    for index in range(runs + 3):  # three to warm up
        router.clock.spans.clear()
        sampler.asked = 0
        started, worked = perf_counter(), process_time()
        answer = router.complete(query)
        total, cpu = (
            (now - then) * 1000 for now, then in ((perf_counter(), started), (process_time(), worked))
        )
        took = tuple((step.arm, step.responses) for step in answer.steps)
        if took != plan.steps:
            raise SystemExit(f"{plan.label}, {tokens} tokens: the plan went {took} the second time")
        spans = dict(router.clock.spans)
        spans["judge"] -= spans["group"]  # the course groups what it judges
        spans |= {"rest": total - sum(spans.values()), "total": total, "cpu": cpu}
        if index >= 3:
            rows.append([spans[stage] for stage in STAGES])
    middle, tail = np.percentile(rows, [50, 99], axis=0)
    return {
        stage: {"p50": float(p50), "p99": float(p99)}
        for stage, p50, p99 in zip(STAGES, middle, tail, strict=True)
    }


def sampling_ms(plan: Plan, tokens: int, base_url: str) -> float:
    """Median milliseconds in which the local model gives as many responses, one step after another."""
    endpoint = Endpoint.model_validate({"base_url": base_url, "samples": "native", "timeout_s": 600})
    model = policy_at(plan.max_gap).models[0].model_copy(update={"endpoint": endpoint})
    query, settings = Query.of(question(tokens)), Sampling(max_tokens=128)

    async def steps() -> None:
        sampler = EndpointSampler()
        for _, n in plan.steps:
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
        for plan in plans_of(tokens, reward):
            row = {"tokens": tokens, "asked": plan.label, "ms": measure(plan, tokens, options.runs, reward)}
            row["sampling_ms"] = sampling_ms(plan, tokens, options.local) if options.local else None
            rows.append(row)
    if options.json:
        print(json.dumps({"runs": options.runs, "rows": rows}, indent=2))
        return
    print_table(rows, options.runs)


def print_table(rows: list[dict[str, Any]], runs: int) -> None:
    """Medians of every stage, the tail of the whole, and the local model's sampling where it was timed."""
    sampled = rows[0]["sampling_ms"] is not None
    head = [f"query, asked (responses that came); ms, p50 of {runs} calls", *STAGES, "total p99"] + [
        "sampling"
    ] * sampled
    print("| " + " | ".join(head) + " |")
    print("|---|" + "---:|" * (len(head) - 1))
    for row in rows:
        cells = [f"{row['ms'][stage]['p50']:.2f}" for stage in STAGES]
        cells.append(f"{row['ms']['total']['p99']:.2f}")
        if sampled:
            cells.append(f"{row['sampling_ms']:.0f}")
        print(f"| {row['tokens']} tokens, {row['asked']} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
