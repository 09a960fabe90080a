"""Many `acomplete` at once on one event loop: time added, the deadline, limits, memory.

    python benchmarks/burst.py

A burst of 50 to an endpoint that answers at once, with and without `acomplete` around the same client; 300
to one that hangs, with a deadline of 2 s, and what ending them takes; 1,000 to one that takes 50 ms, as many
connections as may be, then 64 at once, with the order in which they end; 10,000 more for memory.
"""

from __future__ import annotations

import asyncio
import json
import resource
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import perf_counter, process_time
from typing import Any

import numpy as np
from chaos import _policy
from ill_endpoint import endpoint

from bestroute import Router, SamplingError
from bestroute.policy import Sampling
from bestroute.query import Query


def _routed(address: str, deadline_s: float | None = None, concurrency: int | None = None) -> Router:
    content = _policy(dict.fromkeys(("tiny", "mid", "big"), address), deadline_s or 1.0)
    place = {"concurrency": concurrency}
    models = tuple(
        one.model_copy(update={"endpoint": one.endpoint and one.endpoint.model_copy(update=place)})
        for one in content.models
    )
    sampling = Sampling(deadline_s=deadline_s)
    # No time budget, so that every request takes the same way however busy the machine is.
    return Router(content.model_copy(update={"models": models, "sampling": sampling}), time_budget_s=None)


async def burst(times: int, one: Callable[[int], Awaitable[Any]]) -> np.ndarray:
    """Milliseconds until each of them ended, from when all began."""

    async def timed(number: int) -> float:
        await one(number)
        return (perf_counter() - started) * 1000

    started = perf_counter()
    return np.array(await asyncio.gather(*map(timed, range(times))))


async def _held(loop_ms: list[float]) -> None:
    """Note how long the loop was held, again and again."""
    while True:
        before = perf_counter()
        await asyncio.sleep(0.001)
        loop_ms.append((perf_counter() - before) * 1000 - 1)


def _told(name: str, ms: np.ndarray) -> None:
    p50, p99, most = np.percentile(ms, [50, 99, 100])
    print(f"{name:44} ms: p50 {p50:.0f}, p99 {p99:.0f}, max {most:.0f}")


async def _fifty(router: Router) -> None:
    await router.awarm()
    model, settings = router.policy.models[0], router.policy.sampling

    async def alone(number: int) -> None:
        await router._means.sampler().sample(model, Query.of(f"What is {number}?"), 1, settings)

    async def whole(number: int) -> None:
        await router.acomplete(f"What is {number} times {number}?")

    await burst(50, alone)  # connections
    for name, one in (("the client alone", alone), ("acomplete", whole)):
        before = process_time()
        _told(f"50 at once, {name}", await burst(50, one))
        print(f"{'':44} processor time a request: {(process_time() - before) * 20:.2f} ms")


async def _first(router: Router) -> None:
    loop_ms: list[float] = []
    watching = asyncio.ensure_future(_held(loop_ms))
    await asyncio.sleep(0.05)
    _told("the first request, not warmed", await burst(1, lambda number: router.acomplete("What is 2?")))
    watching.cancel()
    print(f"{'':44} the event loop was held for {max(loop_ms):.0f} ms at most")


async def _late(router: Router) -> None:
    await router.awarm()

    spent: list[float] = []

    async def one(number: int) -> None:
        with suppress(SamplingError):
            await router.acomplete(f"What is {number}?")
        spent.append(process_time())

    _told("300 at once, deadline 2 s, nobody answers", await burst(300, one))
    print(f"{'':44} processor time from the first end to the last: {(spent[-1] - spent[0]) * 1000:.0f} ms")


async def _unbounded(router: Router) -> None:
    await router.awarm()
    ends: Counter[str] = Counter()

    async def one(number: int) -> None:
        try:
            await router.acomplete(f"What is {number}?")
            ends["answered"] += 1
        except SamplingError as error:
            ends[str(error)[:200]] += 1

    before = process_time()
    _told("1,000 at once, 50 ms each", await burst(1000, one))
    print(f"{'':44} {dict(ends)}, processor time a request: {process_time() - before:.2f} ms")


async def _thousand(router: Router) -> None:
    await router.awarm()
    ms = await burst(1000, lambda number: router.acomplete(f"What is {number}?"))
    _told("1,000 at once, 64 at a time, 50 ms each", ms)
    order = np.corrcoef(np.arange(1000), ms)[0, 1]
    print(f"{'':44} correlation of the order of arrival and of end: {order:.3f}")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(10):
        await burst(1000, lambda number: router.acomplete(f"What is {number}?"))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{'':44} peak memory after 1,000: {before / 1024:.0f} MiB, after 11,000: {after / 1024:.0f} MiB")


def _main() -> None:
    with endpoint() as address:
        asyncio.run(_first(_routed(address)))
        asyncio.run(_fifty(_routed(address)))
    with endpoint(ill=0.0, takes_s=3600) as address:
        asyncio.run(_late(_routed(address, 2.0)))
    with endpoint(takes_s=0.05) as address:
        asyncio.run(_unbounded(_routed(address)))
    with endpoint(takes_s=0.05) as address:
        asyncio.run(_thousand(_routed(address, concurrency=64)))
        with urllib.request.urlopen(address.removesuffix("/v1") + "/count") as reply:
            print(f"{'':44} most calls at once, counted by the endpoint: {json.load(reply)['most_at_once']}")


if __name__ == "__main__":
    _main()
