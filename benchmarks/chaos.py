"""Requests to endpoints of which a share of the replies goes wrong at random, with the breaker on and off.

    python benchmarks/chaos.py [--requests 400] [--ill 0.3] [--side-by-side 20]

Every request must be answered or raise SamplingError, and every reply that came whole must be billed.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from time import perf_counter
from typing import Any

import numpy as np
from ill_endpoint import endpoint

from bestroute import Policy, Router, SamplingError
from bestroute.answering.health import Keeper
from bestroute.answering.sampling import EndpointSampler


def _policy(addresses: dict[str, str], deadline_s: float) -> Policy:
    prices = {"tiny": ("small", 1.0), "mid": ("medium", 3.0), "big": ("large", 10.0)}
    models = [
        {
            "name": name,
            "class": class_,
            "price": {"input": price, "output": price},
            "endpoint": {"base_url": addresses[name]},
        }
        for name, (class_, price) in prices.items()
    ]
    content = {
        "version": 1,
        "models": models,
        "reference": "big",
        "max_gap": 1.0,
        "abstain": False,
        "tiers": [{"model": "tiny"}, {"model": "mid"}, {"model": "big"}],
        "sampling": {"deadline_s": deadline_s, "fallback": "any", "retries": 2},
    }
    return Policy.model_validate(content, strict=False)


async def _run(router: Router, requests: int, side_by_side: int) -> dict[str, Any]:
    await router.awarm()
    gate, took, ends = asyncio.Semaphore(side_by_side), [], Counter[str]()
    billed = 0

    async def one(number: int) -> None:
        nonlocal billed
        async with gate:
            started = perf_counter()
            try:
                answer = await router.acomplete(f"What is {number} times {number + 1}?")
                ends["fell back" if answer.fell_back else "answered"] += 1
                billed += sum(attempt.got for attempt in answer.attempts)
                assert answer.cost > 0
            except SamplingError:
                ends["SamplingError"] += 1
            except Exception as error:  # what must not be
                ends[repr(error)] += 1
            took.append(perf_counter() - started)

    await asyncio.gather(*map(one, range(requests)))
    return {
        "ends": dict(ends),
        "billed": billed,
        "ms": np.percentile(np.array(took) * 1000, [50, 90, 99, 100]),
    }


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--ill", type=float, default=0.3)
    parser.add_argument("--side-by-side", type=int, default=20)
    parser.add_argument("--deadline", type=float, default=5.0)
    given = parser.parse_args()
    cases = {"one ill, breaker": (True, False), "one ill, none": (False, False)}
    cases |= {"all ill, breaker": (True, True), "all ill, none": (False, True)}
    for name, (breaks, everywhere) in cases.items():
        with endpoint(ill=given.ill, takes_s=0.05) as ill, endpoint(takes_s=0.05) as well:
            other = ill if everywhere else well
            addresses = {"tiny": ill, "mid": other, "big": other}
            sampler = EndpointSampler(health=Keeper(breaks=breaks))
            router = Router(_policy(addresses, given.deadline), sampler=sampler)
            found = asyncio.run(_run(router, given.requests, given.side_by_side))
            p50, p90, p99, most = found["ms"]
            calls = sum(one.calls for one in router.health().endpoints)
            print(
                f"{name:18} {found['ends']}, {found['billed']} responses billed, {calls} calls; "
                f"ms: p50 {p50:.0f}, p90 {p90:.0f}, p99 {p99:.0f}, max {most:.0f}"
            )


if __name__ == "__main__":
    _main()
