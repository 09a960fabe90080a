"""Climb the arms until one answers.

A rung is a model and the number of responses to ask it for. The next rung is asked only when this one gave
nothing usable, so a dead endpoint costs a delay and never the request.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bestroute.arms import Arm, Model
from bestroute.errors import SamplingError
from bestroute.policy import Sampling
from bestroute.query import Query
from bestroute.sampling.values import Sample, Sampled, Sampler, Usage, contenders


@dataclass(frozen=True)
class Attempt:
    """One arm that was asked, its retries counted in.

    `asked` and `got` count responses (`got` only those with text), `latency_s` is in seconds, `error` says
    what went wrong (None: nothing did), `usage` what was billed (None: not reported).
    """

    arm: str
    asked: int
    got: int
    error: str | None
    latency_s: float
    usage: Usage | None = None

    def __str__(self) -> str:
        line = f"{self.arm}: {self.got} of {self.asked} in {self.latency_s:.2f} s"
        return f"{line}: {self.error}" if self.error else line


@dataclass(frozen=True)
class Outcome:
    """The rung that answered (its index in the ladder), all its samples, and every attempt in order.

    `samples` may hold blank and truncated ones; `contenders` tells which may win, and there is one at least.
    """

    rung: int
    samples: tuple[Sample, ...]
    attempts: tuple[Attempt, ...]


async def sample_ladder(
    ladder: Sequence[tuple[Model, int]], query: Query, sampler: Sampler, settings: Sampling
) -> Outcome:
    """Ask the arms in order; the first that gives a usable sample is the outcome.

    Raises SamplingError, with a line and an `Attempt` for each arm, when none does.
    """
    attempts: list[Attempt] = []
    for rung, (model, n) in enumerate(ladder):
        start = time.perf_counter()
        sampled = await sampler.sample(model, query, n, settings)
        attempts.append(_attempt(model, n, sampled, time.perf_counter() - start))
        if contenders(sampled.samples):
            return Outcome(rung, sampled.samples, tuple(attempts))
    tried = "".join(f"\n  {attempt}" for attempt in attempts)
    raise SamplingError(f"no model answered{':' if tried else '; there was none to ask'}{tried}", attempts)


def _attempt(model: Model, n: int, sampled: Sampled, latency_s: float) -> Attempt:
    got = sum(not sample.blank for sample in sampled.samples)
    blank = len(sampled.samples) - got
    errors = [*sampled.errors, *["blank response"] * blank]
    return Attempt(Arm(model=model.name, n=n).label, n, got, _summary(errors), latency_s, sampled.usage)


def _summary(errors: Sequence[str]) -> str | None:
    """Each error once, the commonest first, with how often it came."""
    counted = Counter(errors).most_common()
    return "; ".join(f"{text} ({times} times)" if times > 1 else text for text, times in counted) or None
