"""Requests to endpoints of which a share of the replies goes wrong at random, with the breaker on and off.

    python benchmarks/chaos.py [--requests 1000] [--ill 0.3] [--side-by-side 20]

Every request must be answered or raise SamplingError, and every reply that came whole must be billed: `lost`
are those that the endpoints sent whole and no request has, 0 but for those that came too late.
The breaker is on and off in turns, a quarter of the requests at a time, so that both see the same machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import urllib.request
from collections import Counter
from contextlib import ExitStack
from time import perf_counter
from typing import Any

import numpy as np
from ill_endpoint import endpoint

from bestroute import Policy, Router, SamplingError
from bestroute.answering.health import Keeper
from bestroute.answering.sampling import EndpointSampler

_TURNS = 4


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
            except SamplingError as error:
                ends["SamplingError"] += 1
                billed += sum(attempt.got for attempt in error.attempts)
            except Exception as error:  # what must not be
                ends[repr(error)] += 1
            took.append(perf_counter() - started)

    await asyncio.gather(*map(one, range(requests)))
    return {"ends": ends, "billed": billed, "ms": [1000 * seconds for seconds in took]}


def _sent(addresses: set[str]) -> int:
    """Whole answers that these endpoints have sent."""
    total = 0
    for address in addresses:
        with urllib.request.urlopen(address.removesuffix("/v1") + "/count") as reply:
            total += json.load(reply)["answered"]
    return total


class _Case:
    """Endpoints of its own and a router, for one way of treating them; its counts grow with every turn."""

    def __init__(
        self, stack: ExitStack, ill: float, *, breaks: bool, everywhere: bool, deadline_s: float
    ) -> None:
        sick, well = (stack.enter_context(endpoint(ill=share, takes_s=0.05)) for share in (ill, 0.0))
        other = sick if everywhere else well
        self.addresses = {sick, other}
        sampler = EndpointSampler(health=Keeper(breaks=breaks))
        self.router = Router(_policy({"tiny": sick, "mid": other, "big": other}, deadline_s), sampler=sampler)
        self.ends, self.billed, self.ms = Counter[str](), 0, list[float]()

    def turn(self, requests: int, side_by_side: int) -> None:
        found = asyncio.run(_run(self.router, requests, side_by_side))
        self.ends += found["ends"]
        self.billed += found["billed"]
        self.ms += found["ms"]

    def __str__(self) -> str:
        p50, p90, p99, most = np.percentile(self.ms, [50, 90, 99, 100])
        calls = sum(one.calls for one in self.router.health().endpoints)
        lost = _sent(self.addresses) - self.billed
        return (
            f"{dict(self.ends)}, {self.billed} responses billed, {lost} lost, {calls} calls; "
            f"ms: p50 {p50:.0f}, p90 {p90:.0f}, p99 {p99:.0f}, max {most:.0f}"
        )


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--ill", type=float, default=0.3)
    parser.add_argument("--side-by-side", type=int, default=20)
    parser.add_argument("--deadline", type=float, default=5.0)
    given = parser.parse_args()
    with ExitStack() as stack:
        cases = {
            f"{'all' if everywhere else 'one'} ill, {'breaker' if breaks else 'none'}": _Case(
                stack, given.ill, breaks=breaks, everywhere=everywhere, deadline_s=given.deadline
            )
            for everywhere in (False, True)
            for breaks in (True, False)
        }
        for _ in range(_TURNS):
            for case in cases.values():
                case.turn(given.requests // _TURNS, given.side_by_side)
        for name, case in cases.items():
            print(f"{name:18} {case}")


if __name__ == "__main__":
    _main()
